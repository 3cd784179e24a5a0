/**
 * What a durable inbox remembers through restarts, and when it forgets.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../../lib/base/errors.ts";
import { DurableInbox } from "../../lib/client/durable_inbox.ts";
import { KEY_LENGTH } from "../../lib/client/inbox.ts";

function key(n: number): string {
  return String(n).padStart(KEY_LENGTH, "0");
}

function withFile(test: (path: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(`${folder}/inbox.db`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function remembered(inbox: DurableInbox, from: number, to: number): number {
  let count = 0;
  for (let n = from; n < to; n++) if (inbox.has(key(n))) count++;
  return count;
}

Deno.test("a durable inbox remembers after it was closed and opened", () => {
  withFile((path) => {
    const inbox = new DurableInbox(path);
    inbox.add([key(1), key(2)], 0);
    inbox.add([key(3)], 1);
    inbox.close();
    const again = new DurableInbox(path);
    assert.equal(remembered(again, 0, 10), 3);
    assert.ok(again.has(key(1)) && again.has(key(2)) && again.has(key(3)));
    again.close();
  });
});

Deno.test("a durable inbox forgets by count, and by age what is beyond what a broker may hand out again", () => {
  withFile((path) => {
    const rows = () => {
      const db = new DatabaseSync(path);
      const { sum } = db.prepare(`SELECT sum(length(keys)) / ${KEY_LENGTH} AS sum FROM batch`)
        .get()!;
      db.close();
      return sum;
    };
    const byCount = new DurableInbox(path, { maxKeys: 50 });
    for (let n = 0; n < 500; n += 5) byCount.add([0, 1, 2, 3, 4].map((m) => key(n + m)), n);
    assert.equal(remembered(byCount, 450, 500), 50);
    byCount.close();
    assert.equal(rows(), 50);
    const byAge = new DurableInbox(path, { maxAgeMs: 1_000 });
    const many = Array.from({ length: 10_000 }, (_, n) => key(1_000 + n));
    byAge.add(many.slice(0, 9_960), 1_000);
    for (let n = 0; n < 4; n++) byAge.add(many.slice(9_960 + n * 10, 9_970 + n * 10), 5_000);
    byAge.close();
    assert.equal(rows(), 10_000);
  });
});

Deno.test("an inbox of another version or a file that is none is refused and left alone", () => {
  withFile((path) => {
    const isStorage = (error: unknown) =>
      error instanceof CipherMqError && error.code === "storage";
    for (const version of [1, 7]) {
      const db = new DatabaseSync(path);
      db.exec(`PRAGMA user_version = ${version}`);
      db.close();
      assert.throws(() => new DurableInbox(path), isStorage);
    }
    Deno.writeTextFileSync(path, "this is not a database, and long enough to be sure".repeat(100));
    assert.throws(() => new DurableInbox(path), isStorage);
  });
});

Deno.test("a key that would make others of those that come after it is not taken", () => {
  withFile((path) => {
    const inbox = new DurableInbox(path);
    for (const odd of ["short", key(1) + "0", key(1).replace("0", "é"), ""]) {
      assert.throws(() => inbox.add([odd, key(2)], 0), /a key is as/);
    }
    inbox.add([key(3)], 0);
    inbox.close();
    const again = new DurableInbox(path);
    assert.ok(again.has(key(3)) && !again.has(key(2)));
    again.close();
  });
});
