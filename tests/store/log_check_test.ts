/**
 * A log that lost what was synced is refused; one that a crash cut off is not.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CipherMqError } from "../../lib/base/errors.ts";
import { logProblem, requireWholeLog } from "../../lib/store/log_check.ts";
import { PAGE_BYTES } from "../../lib/store/sqlite_schema.ts";
import { enqueued } from "../contracts/store_model.ts";
import { DatabaseFolder, failure, messagesOf } from "./database_folder.ts";

const LANE = { queue: "q", receiver: "r" };
const FRAME_BYTES = PAGE_BYTES + 24;

/** The log after `commits` commits, and the file beside it. */
async function logOf(box: DatabaseFolder, commits: number): Promise<Uint8Array> {
  const store = await box.open();
  await store.load();
  for (let seq = 0; seq < commits; seq++) await store.commit([enqueued(LANE, seq, 20_000)], seq);
  const log = Deno.readFileSync(`${box.path}-wal`);
  const file = Deno.readFileSync(box.path);
  await store.close();
  Deno.writeFileSync(box.path, file);
  Deno.writeFileSync(`${box.path}-wal`, log, { mode: 0o600 });
  return log;
}

/** Frames that end a transaction. */
function commitsIn(log: Uint8Array): number[] {
  const view = new DataView(log.buffer, log.byteOffset);
  const frames = Math.floor((log.length - 32) / FRAME_BYTES);
  return Array.from({ length: frames }, (_, i) => i)
    .filter((frame) => view.getUint32(32 + frame * FRAME_BYTES + 4) !== 0);
}

function problemOf(log: Uint8Array): string | undefined {
  const read = (into: Uint8Array, at: number) => into.set(log.subarray(at, at + into.length));
  return logProblem({ length: log.length, read }, PAGE_BYTES);
}

function flipped(log: Uint8Array, at: number): Uint8Array {
  const copy = log.slice();
  copy[at]! ^= 1;
  return copy;
}

Deno.test("damage anywhere before the last commit is known, in the last one it looks like a crash", async () => {
  using box = new DatabaseFolder();
  const log = await logOf(box, 4);
  assert.equal(problemOf(log), undefined);
  const commits = commitsIn(log);
  const lastBegins = commits.at(-2)! + 1;
  const frames = Math.floor((log.length - 32) / FRAME_BYTES);
  assert(commits.length >= 4 && lastBegins > 3);
  for (let frame = 0; frame < frames; frame++) {
    for (const within of [0, 5, 9, 14, 17, 23, 24, 9_000, FRAME_BYTES - 1]) {
      const problem = problemOf(flipped(log, 32 + frame * FRAME_BYTES + within));
      // The commit before the last proves it, by its last page and the sum of the page before.
      const isOfProof = frame === lastBegins - 2 && within >= 16 && within < 24;
      const isKnown = frame < lastBegins - 1 && !isOfProof;
      const expected = isKnown ? /is not whole, and there are commits/ : /^none$/;
      assert.match(problem ?? "none", expected, `byte ${within} of frame ${frame}`);
    }
  }
});

Deno.test("a damaged header of a log that has frames is known", async () => {
  using box = new DatabaseFolder();
  const log = await logOf(box, 2);
  for (let at = 0; at < 32; at++) {
    assert.equal(problemOf(flipped(log, at)), "its header is not whole");
  }
  assert.equal(problemOf(flipped(log, 3).subarray(0, 32)), undefined);
  assert.equal(problemOf(new Uint8Array(0)), undefined);
});

Deno.test("a log cut off anywhere is what a crash leaves", async () => {
  using box = new DatabaseFolder();
  const log = await logOf(box, 3);
  for (let end = 0; end < log.length; end += 5_001) {
    assert.equal(problemOf(log.subarray(0, end)), undefined);
  }
});

Deno.test("what two crashes left behind the end of a log is no damage", async () => {
  using box = new DatabaseFolder();
  const log = await logOf(box, 4);
  const commits = commitsIn(log);
  const begins = commits.at(-2)! + 1;
  // Of the last commit all but its first page came to the disk; then a shorter one overwrote it.
  const torn = log.slice();
  torn.fill(0, 32 + begins * FRAME_BYTES, 32 + (begins + 1) * FRAME_BYTES);
  assert.equal(problemOf(torn), undefined);
  Deno.writeFileSync(`${box.path}-wal`, torn);
  const store = await box.open();
  await store.load();
  assert.equal((await messagesOf(store)).length, 3);
  await store.commit([], 9);
  await store.commit([enqueued(LANE, 3, 10)], 9);
  assert.equal(problemOf(Deno.readFileSync(`${box.path}-wal`)), undefined);
  await store.close();
});

Deno.test("a store with a damaged log, or with a log beside an empty file, is refused and left as it is", async () => {
  using box = new DatabaseFolder();
  const log = flipped(await logOf(box, 3), 40_000);
  const file = Deno.readFileSync(box.path);
  for (const content of [file, new Uint8Array(0)]) {
    Deno.writeFileSync(box.path, content);
    Deno.writeFileSync(`${box.path}-wal`, log);
    await assert.rejects(box.open(), (error: CipherMqError) => {
      assert.match(error.hint ?? "", /left as they are/);
      return failure("storage", /cannot use the log .*broker\.db-wal: /)(error);
    });
    assert.deepEqual(Deno.readFileSync(box.path), content);
    assert.deepEqual(Deno.readFileSync(`${box.path}-wal`), log);
  }
});

Deno.test("an empty file without a log is a new database", () => {
  using box = new DatabaseFolder();
  requireWholeLog(box.path, 0);
  Deno.writeFileSync(`${box.path}-wal`, new Uint8Array(0));
  requireWholeLog(box.path, 0);
});

Deno.test("a log is never in memory as a whole", async () => {
  using box = new DatabaseFolder();
  const log = await logOf(box, 3);
  let most = 0;
  const read = (into: Uint8Array, at: number) => {
    most = Math.max(most, into.length);
    into.set(log.subarray(at, at + into.length));
  };
  assert.equal(logProblem({ length: log.length, read }, PAGE_BYTES), undefined);
  assert(most <= FRAME_BYTES && log.length > 3 * FRAME_BYTES);
});
