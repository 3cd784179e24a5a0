/**
 * What is special to the disk in memory; the rest is the store's contract.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { enqueued, removed } from "../contracts/store_model.ts";

const LANE = { queue: "q", receiver: "r" };

Deno.test("a snapshot of a disk in memory does not change with the disk", () => {
  const disk = new MemoryDisk();
  disk.write([enqueued(LANE, 0, 3), { kind: "queue_declared", queue: "q", options: {} }], 1);
  const snapshot = disk.snapshot();
  const messages = disk.messages();
  disk.write([enqueued(LANE, 1, 3), removed(LANE, 0)], 2);
  assert.deepEqual(messages.map((m) => [m.message.seq, m.gone]), [[0, undefined]]);
  assert.deepEqual(snapshot.lanes, [{ ...LANE, nextSeq: 1 }]);
});
