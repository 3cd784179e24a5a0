/**
 * What a store should know, kept in the most naive way, and the changes that tests make.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Change } from "../../lib/core/effect.ts";
import type { MessageHead, MessageRef } from "../../lib/core/message.ts";
import type { Snapshot, StoredMessage } from "../../lib/core/restore.ts";

/** A queue and a receiver. */
export type LaneName = Omit<MessageRef, "seq">;

/** A body that tells lanes, places and offsets apart. */
export function bodyOf({ queue, receiver }: LaneName, seq: number, size: number): Uint8Array {
  const salt = queue.length * 7 + receiver.charCodeAt(receiver.length - 1) * 3 + seq * 31;
  return Uint8Array.from({ length: size }, (_, i) => (salt + i * 13 + (i >> 8)) & 0xff);
}

/** A message that joins its lane. */
export function enqueued(
  { queue, receiver }: LaneName,
  seq: number,
  size: number,
): Extract<Change, { kind: "enqueued" }> {
  const body = bodyOf({ queue, receiver }, seq, size);
  const head = {
    id: `id-${seq}`,
    publisher: `sender_${seq % 3}`,
    size,
    checksum: seq - 2147483648,
  };
  return { kind: "enqueued", message: { queue, receiver, seq, ...head }, body };
}

/** The removal of a message. */
export function removed({ queue, receiver }: LaneName, seq: number): Change {
  return { kind: "removed", message: { queue, receiver, seq } };
}

/** The return of a delivery. */
export function returned({ queue, receiver }: LaneName, seq: number, deliveries: number): Change {
  return { kind: "returned", message: { queue, receiver, seq }, deliveries };
}

interface ModelMessage {
  readonly message: MessageHead;
  readonly body: Uint8Array;
  readonly acceptedMs: number;
  deliveries: number;
  removed: boolean;
}

/** The lanes `q r_0`, `q r_1`, `q r_2` and what should be known of them. */
export class StoreModel {
  readonly #lanes: ModelMessage[][] = [[], [], []];
  #changes: Change[] = [];
  #wallMs = 1;
  #forgetBelow = 0;

  /** Adds a message. */
  enqueue(lane: number, size: number): void {
    const messages = this.#lanes[lane]!;
    const change = enqueued({ queue: "q", receiver: `r_${lane}` }, messages.length, size);
    this.#changes.push(change);
    const { message, body } = change;
    messages.push({ message, body, acceptedMs: this.#wallMs, deliveries: 0, removed: false });
  }

  /** Removes one of the lane's queued messages, if there is one; mostly of the oldest. */
  remove(lane: number, pick: number): void {
    const message = this.#pick(lane, pick);
    if (message === undefined) return;
    message.removed = true;
    this.#changes.push({ kind: "removed", message: refOf(message) });
  }

  /** Returns one of the lane's queued messages, if there is one. */
  return(lane: number, pick: number): void {
    const message = this.#pick(lane, pick);
    if (message === undefined) return;
    const deliveries = ++message.deliveries;
    this.#changes.push({ kind: "returned", message: refOf(message), deliveries });
  }

  /** What was done since the last time, to be committed; time goes on. */
  take(): { changes: Change[]; wallMs: number } {
    const changes = this.#changes;
    this.#changes = [];
    return { changes, wallMs: this.#wallMs++ };
  }

  /** Forgets what is older than the last `keep` commits and gives the time to forget below. */
  forget(keep: number): number {
    const wallMs = this.#wallMs - keep;
    this.#forgetBelow = Math.max(this.#forgetBelow, wallMs);
    return wallMs;
  }

  /** All queued messages, lane by lane. */
  queued(): (MessageRef & { body: Uint8Array })[] {
    return this.#lanes.flat().filter((m) => !m.removed).map((m) => ({ ...refOf(m), body: m.body }));
  }

  /** Fails unless a snapshot is what it should be. What may be forgotten may be there. */
  check(snapshot: Snapshot): void {
    const used = this.#lanes.filter((messages) => messages.length > 0);
    const lanes = used.map((messages) => ({
      queue: "q",
      receiver: messages[0]!.message.receiver,
      nextSeq: messages.length,
    }));
    const byName = (a: LaneName, b: LaneName) => a.receiver < b.receiver ? -1 : 1;
    assert.deepEqual([...snapshot.lanes].sort(byName), lanes);
    const found = [...snapshot.messages];
    for (const messages of used) this.#checkLane(messages, found);
    const times = found.map((message) => message.acceptedMs);
    assert.deepEqual(times, times.toSorted((a, b) => a - b), "commit by commit");
  }

  #checkLane(messages: readonly ModelMessage[], found: readonly StoredMessage[]): void {
    const receiver = messages[0]!.message.receiver;
    const ofLane = found.filter(({ message }) => message.receiver === receiver);
    const places = ofLane.map(({ message }) => message.seq);
    assert.deepEqual(
      places,
      messages.map((m) => m.message.seq).filter((seq) => places.includes(seq)),
    );
    for (const stored of ofLane) {
      const expected = messages[stored.message.seq]!;
      assert.deepEqual(stored.message, expected.message);
      assert.equal(stored.acceptedMs, expected.acceptedMs);
      assert.equal(stored.removed, expected.removed);
      if (!stored.removed) assert.equal(stored.deliveries, expected.deliveries);
    }
    for (const { message, removed, acceptedMs } of messages) {
      const mayBeForgotten = removed && acceptedMs < this.#forgetBelow;
      assert.ok(
        mayBeForgotten || places.includes(message.seq),
        `${receiver} ${message.seq} is there`,
      );
    }
  }

  #pick(lane: number, pick: number): ModelMessage | undefined {
    const queued = this.#lanes[lane]!.filter((message) => !message.removed);
    return queued[pick < 700 ? pick % Math.min(3, queued.length) : pick % queued.length];
  }
}

function refOf({ message }: ModelMessage): MessageRef {
  return { queue: message.queue, receiver: message.receiver, seq: message.seq };
}
