/**
 * What is left of {@linkcode LANES} by a process that committed {@linkcode changesOf} and died.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { MessageHead } from "../../lib/core/message.ts";
import type { StoredMessage } from "../../lib/core/restore.ts";
import type { Store } from "../../lib/store/store.ts";
import { bodyOf } from "../contracts/store_model.ts";
import { DEAD_LANE, DELETED_EVERY, LANES, MOVED_EVERY, REMOVED_AFTER } from "./commit_loop.ts";
import { messagesOf } from "./database_folder.ts";

/**
 * Loads what a process left and fails unless it is the state after a commit; gives how many there
 * were. The store is closed then.
 */
export async function committedIn(store: Store, bodyBytes: number): Promise<number> {
  try {
    const snapshot = await store.load();
    const count = snapshot.lanes[0]?.nextSeq ?? 0;
    const movedCount = Math.max(0, Math.ceil(count / MOVED_EVERY) - 1);
    const lanes = LANES.map((lane) => ({ ...lane, nextSeq: count }));
    const ends = [...lanes, { ...DEAD_LANE, nextSeq: movedCount }];
    assert.deepEqual(snapshot.lanes, ends.filter((lane) => lane.nextSeq > 0));
    const isDeclared = count % DELETED_EVERY !== 0;
    assert.deepEqual(snapshot.queues, isDeclared ? [{ queue: LANES[2].queue, options: {} }] : []);
    const messages = await messagesOf(store);
    for (const lane of ends) {
      const { queue, receiver } = lane;
      const ofLane = messages.filter(({ message: m }) =>
        m.queue === queue && m.receiver === receiver
      );
      assert.deepEqual(ofLane.map((m) => m.message.seq), [...Array(lane.nextSeq).keys()]);
      for (const message of ofLane) assertAsCommitted(message, count);
    }
    const queued = messages.filter((m) => m.gone === undefined).map((m) => m.message);
    const bodies = await store.read(queued);
    assert.deepEqual(bodies, queued.map((m) => bodyOfMessage(m, bodyBytes)));
    return count;
  } finally {
    await store.close();
  }
}

/** A dead letter has the body that its message had in the second lane. */
function bodyOfMessage(message: MessageHead, bytes: number): Uint8Array {
  if (message.dead === undefined) return bodyOf(message, message.seq, bytes);
  return bodyOf(LANES[1], message.seq * MOVED_EVERY, bytes);
}

/** What is to be known of a message after so many commits. */
function assertAsCommitted({ message, gone, deliveries }: StoredMessage, count: number): void {
  const { queue, receiver, seq } = message;
  if (queue === DEAD_LANE.queue) {
    assert.equal(message.id, `id-${seq * MOVED_EVERY}`);
    return assert.equal(gone, undefined);
  }
  if (queue === LANES[2].queue) {
    const isDeleted = seq < count - count % DELETED_EVERY;
    return assert.equal(gone, isDeleted ? "removed" : undefined);
  }
  if (receiver === LANES[0].receiver) {
    assert.equal(gone, seq < count - REMOVED_AFTER ? "removed" : undefined);
    return assert.equal(deliveries, 0);
  }
  const hasMoved = seq % MOVED_EVERY === 0 && seq < count - MOVED_EVERY;
  assert.equal(gone, hasMoved ? "moved" : undefined);
  if (!hasMoved) assert.equal(deliveries, seq < count - 1 ? 1 : 0);
}
