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
  const body = new Uint8Array(size);
  for (let i = 0; i < size; i++) body[i] = salt + i * 13 + (i >> 8);
  return body;
}

/** The head of a message: what can be left out is so in some. */
export function headOf({ queue, receiver }: LaneName, seq: number, size: number): MessageHead {
  return {
    queue,
    receiver,
    seq,
    id: `id-${seq}`,
    publisher: `sender_${seq % 3}`,
    size,
    checksum: seq - 2147483648,
    exchange: "ciphermq",
    routingKey: `key.${seq % 2}`,
    expiresMs: seq % 4 === 3 ? 1_700_000_000_000 + seq : 0,
    dead: undefined,
  };
}

/** A message that joins its lane. */
export function enqueued(
  lane: LaneName,
  seq: number,
  size: number,
): Extract<Change, { kind: "enqueued" }> {
  return { kind: "enqueued", message: headOf(lane, seq, size), body: bodyOf(lane, seq, size) };
}

/** The move of a message to the end of another lane, as a dead letter. */
export function moved(
  from: MessageHead,
  to: LaneName,
  seq: number,
): Extract<Change, { kind: "moved" }> {
  const { queue, receiver } = to;
  const dead = {
    reason: "rejected",
    text: 'no "key", no\nmessage',
    deliveries: 2,
    atMs: 5,
  } as const;
  const message = { ...from, queue, receiver, seq, dead: { ...dead, queue: from.queue } };
  return {
    kind: "moved",
    from: { queue: from.queue, receiver: from.receiver, seq: from.seq },
    message,
  };
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
  gone?: "removed" | "moved";
}

/** The lanes of a model. The first ones get messages, the last ones what moved. */
export const MODEL_LANES: readonly LaneName[] = [
  { queue: "q", receiver: "r_0" },
  { queue: "q", receiver: "r_1" },
  { queue: "p", receiver: "r_0" },
  { queue: "q.dead", receiver: "r_0" },
  { queue: "q.dead", receiver: "r_1" },
];

/** The {@linkcode MODEL_LANES} and what should be known of them. */
export class StoreModel {
  readonly #lanes: ModelMessage[][] = MODEL_LANES.map(() => []);
  #changes: Change[] = [];
  #wallMs = 1;
  #forgetBelow = 0;

  /** Adds a message. */
  enqueue(lane: number, size: number): void {
    const messages = this.#lanes[lane]!;
    const change = enqueued(MODEL_LANES[lane]!, messages.length, size);
    this.#changes.push(change);
    const { message, body } = change;
    messages.push({ message, body, acceptedMs: this.#wallMs, deliveries: 0 });
  }

  /** Removes one of the lane's queued messages, if there is one; mostly of the oldest. */
  remove(lane: number, pick: number): void {
    const message = this.#pick(lane, pick);
    if (message === undefined) return;
    message.gone = "removed";
    this.#changes.push({ kind: "removed", message: refOf(message) });
  }

  /** Returns one of the lane's queued messages, if there is one. */
  return(lane: number, pick: number): void {
    const message = this.#pick(lane, pick);
    if (message === undefined) return;
    const deliveries = ++message.deliveries;
    this.#changes.push({ kind: "returned", message: refOf(message), deliveries });
  }

  /** Moves one of the lane's queued messages, if there is one, to the end of one of the lanes. */
  move(lane: number, pick: number): void {
    const message = this.#pick(lane, pick);
    if (message === undefined) return;
    const to = pick % MODEL_LANES.length;
    message.gone = "moved";
    const messages = this.#lanes[to]!;
    const change = moved(message.message, MODEL_LANES[to]!, messages.length);
    this.#changes.push(change);
    const { body } = message;
    messages.push({ message: change.message, body, acceptedMs: this.#wallMs, deliveries: 0 });
  }

  /** Deletes the queue of a lane. */
  delete(lane: number): void {
    const { queue } = MODEL_LANES[lane]!;
    this.#changes.push({ kind: "queue_deleted", queue });
    for (const [i, messages] of this.#lanes.entries()) {
      if (MODEL_LANES[i]!.queue !== queue) continue;
      for (const message of messages) message.gone ??= "removed";
    }
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
    const queued = this.#lanes.flat().filter((message) => message.gone === undefined);
    return queued.map((message) => ({ ...refOf(message), body: message.body }));
  }

  /** Fails unless a snapshot is what it should be. What may be forgotten may be there. */
  check(snapshot: Snapshot, found: readonly StoredMessage[]): void {
    const lanes = this.#lanes.flatMap(({ length }, i) =>
      length === 0 ? [] : [{ ...MODEL_LANES[i]!, nextSeq: length }]
    );
    const byName = (a: LaneName, b: LaneName) => nameOf(a) < nameOf(b) ? -1 : 1;
    assert.deepEqual([...snapshot.lanes].sort(byName), lanes.sort(byName));
    for (const lane of this.#lanes.keys()) this.#checkLane(lane, found);
    const times = found.map((message) => message.acceptedMs);
    assert.deepEqual(times, times.toSorted((a, b) => a - b), "commit by commit");
  }

  #checkLane(lane: number, found: readonly StoredMessage[]): void {
    const name = nameOf(MODEL_LANES[lane]!);
    const messages = this.#lanes[lane]!;
    const ofLane = found.filter(({ message }) => nameOf(message) === name);
    const places = ofLane.map(({ message }) => message.seq);
    assert.deepEqual(
      places,
      messages.map((m) => m.message.seq).filter((seq) => places.includes(seq)),
    );
    for (const stored of ofLane) {
      const expected = messages[stored.message.seq]!;
      assert.deepEqual(stored.message, expected.message);
      assert.equal(stored.acceptedMs, expected.acceptedMs);
      assert.equal(stored.gone, expected.gone);
      if (stored.gone === undefined) assert.equal(stored.deliveries, expected.deliveries);
    }
    for (const { message, gone, acceptedMs } of messages) {
      const mayBeForgotten = gone !== undefined && acceptedMs < this.#forgetBelow;
      assert.ok(mayBeForgotten || places.includes(message.seq), `${name} ${message.seq} is there`);
    }
  }

  #pick(lane: number, pick: number): ModelMessage | undefined {
    const queued = this.#lanes[lane]!.filter((message) => message.gone === undefined);
    return queued[pick < 700 ? pick % Math.min(3, queued.length) : pick % queued.length];
  }
}

function nameOf({ queue, receiver }: LaneName): string {
  return `${queue} ${receiver}`;
}

function refOf({ message }: ModelMessage): MessageRef {
  return { queue: message.queue, receiver: message.receiver, seq: message.seq };
}
