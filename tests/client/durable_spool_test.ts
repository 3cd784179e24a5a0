/**
 * What a durable spool keeps, in which order, and for whose eyes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { DurableSpool } from "../../lib/client/durable_spool.ts";
import type { OutgoingMessage } from "../../lib/client/sender_window.ts";

function message(n: number, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const body = new TextEncoder().encode(`body ${n}`);
  return { id: `id-${n}`, receiver: "r", exchange: "x", routingKey: "k", body, ...more };
}

function withFile(test: (path: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(`${folder}/new/spool.db`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a spool gives back what it kept, in order, with all that sending it again needs", () => {
  withFile((path) => {
    const spool = new DurableSpool(path);
    assert.equal(spool.add([message(0), message(1, { ttlMs: 5 })]), 0);
    assert.equal(spool.add([message(2)]), 2);
    spool.remove([0]);
    assert.equal(spool.size, 2);
    spool.close();
    const again = new DurableSpool(path);
    assert.equal(again.size, 2);
    const kept = [{ ...message(1, { ttlMs: 5 }), place: 1 }, { ...message(2), place: 2 }];
    assert.deepEqual(
      again.after(-1, 10).map((one) => ({ ...one, body: new Uint8Array(one.body) })),
      kept,
    );
    assert.deepEqual(again.after(1, 10).map(({ id }) => id), ["id-2"]);
    assert.deepEqual(again.after(-1, 1).map(({ id }) => id), ["id-1"]);
    assert.equal(again.add([message(3)]), 3);
    again.close();
  });
});

Deno.test("a spool that is emptied while it is open never gives a place twice", () => {
  withFile((path) => {
    const spool = new DurableSpool(path);
    spool.add([message(0), message(1)]);
    spool.remove([0, 1]);
    assert.equal(spool.size, 0);
    assert.equal(spool.add([message(2)]), 2);
    spool.close();
  });
});

Deno.test("a spool is its owner's only, and one process's at a time", () => {
  withFile((path) => {
    const spool = new DurableSpool(path);
    spool.add([message(0)]);
    if (Deno.build.os !== "windows") {
      for (const file of [path, `${path}-wal`]) {
        assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
      }
    }
    assert.throws(() => new DurableSpool(path), (error) => {
      return error instanceof CipherMqError && error.code === "conflict" &&
        /spool/.test(error.message);
    });
    spool.close();
  });
});
