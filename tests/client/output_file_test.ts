/**
 * The output file at every point where a crash can interrupt it.
 *
 * @module
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import { CipherMqError } from "../../lib/base/errors.ts";
import { KEY_LENGTH } from "../../lib/client/inbox.ts";
import { OutputFile } from "../../lib/client/output_file.ts";
import type { OpenedMessage } from "../../lib/client/sink.ts";
import type { Clock } from "../../lib/base/clock.ts";

const clock: Clock = { now: () => ({ wallMs: 1_700_000_000_123, monoMs: 0 }) };

function message(n: number): OpenedMessage {
  const key = String(n).padStart(KEY_LENGTH, "0");
  return { id: `id-${n}`, text: `text "${n}" ☃`, key };
}

function withFolder(test: (output: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(`${folder}/data/out.jsonl`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Opens the file, delivers messages as a broker would, and closes it. */
function deliver(output: string, batches: readonly (readonly OpenedMessage[])[]): void {
  const file = new OutputFile(output, { clock });
  for (const batch of batches) {
    const fresh = batch.filter((one) => !file.has(one.key));
    if (fresh.length > 0) file.accept(fresh);
  }
  file.close();
}

function idsIn(output: string): string[] {
  const text = fs.readFileSync(output, "utf8");
  assert.ok(text === "" || text.endsWith("\n"), "the last line is whole");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line).message_id);
}

const two = [message(1), message(2)];
const three = [message(3), message(4), message(5)];
const all = ["id-1", "id-2", "id-3", "id-4", "id-5"];

Deno.test("each message is one line, readable by its owner only, and known after a restart", () => {
  withFolder((output) => {
    deliver(output, [two, three]);
    deliver(output, [two, three]);
    assert.deepEqual(idsIn(output), all);
    const line = JSON.parse(fs.readFileSync(output, "utf8").split("\n")[0]!);
    assert.deepEqual(line, {
      message_id: "id-1",
      message: 'text "1" ☃',
      timestamp: 1_700_000_000.123,
    });
    if (Deno.build.os === "windows") return;
    assert.equal(fs.statSync(output).mode & 0o777, 0o600);
    assert.equal(fs.statSync(`${output}.inbox.db`).mode & 0o777, 0o600);
  });
});

Deno.test("a crash that leaves any prefix of the last two batches is mended without loss or double line", () => {
  withFolder((output) => {
    deliver(output, [[message(0)]]);
    const before = fs.statSync(output).size;
    deliver(output, [two, three]);
    const size = fs.statSync(output).size;
    const inbox = fs.readFileSync(`${output}.inbox.db`);
    const content = fs.readFileSync(output);
    for (let length = before; length <= size; length++) {
      // Same file, same inode: what a crash leaves.
      fs.writeFileSync(`${output}.inbox.db`, inbox);
      fs.truncateSync(output, 0);
      fs.writeFileSync(output, content.subarray(0, length));
      deliver(output, [[message(0)], two, three]);
      assert.deepEqual(idsIn(output), ["id-0", ...all], `cut at byte ${length}`);
    }
  });
});

Deno.test("a crash that leaves holes of zeros is mended without loss or double line", () => {
  withFolder((output) => {
    deliver(output, [two]);
    const before = fs.statSync(output).size;
    deliver(output, [three]);
    const size = fs.statSync(output).size;
    const inbox = fs.readFileSync(`${output}.inbox.db`);
    const content = fs.readFileSync(output);
    for (let hole = before; hole < size; hole += 7) {
      fs.writeFileSync(`${output}.inbox.db`, inbox);
      fs.writeFileSync(output, Uint8Array.from(content).fill(0, hole, hole + 30));
      deliver(output, [two, three]);
      assert.deepEqual(idsIn(output), all, `hole at byte ${hole}`);
    }
  });
});

Deno.test("the lines of a file that had no inbox stay, and a torn last one goes", () => {
  withFolder((output) => {
    fs.mkdirSync(output.slice(0, output.lastIndexOf("/")), { recursive: true });
    const old = '{"message_id": "old", "message": "x", "timestamp": 1.5}';
    for (const [tail, kept] of [["\n", 1], ["", 1], [`\n${old}`, 2], [`\n{"message_id": "t`, 1]]) {
      fs.rmSync(`${output}.inbox.db`, { force: true });
      fs.writeFileSync(output, old + tail);
      deliver(output, [two]);
      assert.deepEqual(idsIn(output), [...Array(kept).fill("old"), "id-1", "id-2"]);
    }
  });
});

Deno.test("lines that somebody else appended after a crash stay", () => {
  withFolder((output) => {
    deliver(output, [two, three]);
    const start = fs.readFileSync(output).indexOf('{"message_id":"id-3"');
    const foreign = '{"message_id":"foreign"}\n';
    fs.truncateSync(output, start);
    fs.appendFileSync(output, foreign);
    deliver(output, [two, three]);
    assert.deepEqual(idsIn(output), ["id-1", "id-2", "foreign", "id-3", "id-4", "id-5"]);
    fs.truncateSync(output, start);
    fs.appendFileSync(output, `{"torn${foreign.repeat(50)}`);
    deliver(output, [three]);
    const lines = fs.readFileSync(output, "utf8").split("\n");
    assert.equal(lines.filter((line) => line + "\n" === foreign).length, 49);
    assert.equal(lines.length, 2 + 50 + 3 + 1);
  });
});

Deno.test("a file that is rotated, removed or emptied while it is written is followed", () => {
  withFolder((output) => {
    const file = new OutputFile(output, { clock });
    file.accept(two);
    fs.renameSync(output, `${output}.1`);
    file.accept([message(3)]);
    fs.rmSync(output);
    file.accept([message(4)]);
    fs.truncateSync(output, 0);
    file.accept([message(5)]);
    fs.appendFileSync(output, '{"torn');
    file.accept([message(6)]);
    file.close();
    assert.deepEqual(idsIn(`${output}.1`), ["id-1", "id-2"]);
    assert.deepEqual(idsIn(output), ["id-5", "id-6"]);
    deliver(output, [[message(6)]]);
    assert.deepEqual(idsIn(output), ["id-5", "id-6"]);
  });
});

Deno.test("a file that was removed while nobody wrote gets the messages of its last batch again", () => {
  withFolder((output) => {
    deliver(output, [two, three]);
    fs.renameSync(output, `${output}.moved`);
    fs.writeFileSync(output, "");
    deliver(output, [two, three]);
    assert.deepEqual(idsIn(output), ["id-3", "id-4", "id-5"]);
  });
});

Deno.test("an output file is written by one process, and is a file", () => {
  withFolder((output) => {
    const file = new OutputFile(output, { clock });
    assert.throws(
      () => new OutputFile(output, { clock }),
      (error) => error instanceof CipherMqError && error.code === "conflict",
    );
    file.close();
    const folder = output.slice(0, output.lastIndexOf("/"));
    assert.throws(
      () => new OutputFile(`${folder}/.`, { inboxPath: `${folder}/i.db` }),
      CipherMqError,
    );
  });
});
