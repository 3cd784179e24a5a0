/**
 * What a {@linkcode MemoryStore} leaves behind: it outlives the store as a disk does.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { Change } from "../core/effect.ts";
import type { ExchangeKind } from "../core/exchange.ts";
import type { MessageHead, MessageRef } from "../core/message.ts";
import type { Snapshot } from "../core/restore.ts";

/** A message with its body, as long as it is known. */
interface Entry {
  readonly message: MessageHead;
  readonly body: Uint8Array;
  readonly acceptedMs: number;
  deliveries: number;
  removed: boolean;
}

interface MemoryLane {
  readonly queue: string;
  readonly receiver: string;
  readonly entries: Map<number, Entry>;
  nextSeq: number;
}

type MessageChange = Extract<Change, { message: unknown }>;

/** Forgotten at most in one call. */
const FORGET_PIECE = 1_000;

/** The committed state. */
export class MemoryDisk {
  readonly #exchanges = new Map<string, ExchangeKind>();
  readonly #queues = new Set<string>();
  readonly #bindings = new Map<string, Snapshot["bindings"][number]>();
  readonly #keys = new Map<string, Uint8Array>();
  readonly #lanes = new Map<string, MemoryLane>();
  /** In the order of acceptance. */
  readonly #entries = new Set<Entry>();

  /** A copy of the state. */
  snapshot(): Snapshot {
    return {
      exchanges: [...this.#exchanges].map(([exchange, exchangeKind]) => ({
        exchange,
        exchangeKind,
      })),
      queues: [...this.#queues],
      bindings: [...this.#bindings.values()],
      keys: [...this.#keys].map(([client, key]) => ({ client, key: key.slice() })),
      lanes: [...this.#lanes.values()].map(({ queue, receiver, nextSeq }) => ({
        queue,
        receiver,
        nextSeq,
      })),
      messages: [...this.#entries].map(({ message, acceptedMs, deliveries, removed }) => ({
        message,
        acceptedMs,
        deliveries,
        removed,
      })),
    };
  }

  /** Takes all changes or, throwing an AssertionError, none. */
  write(changes: readonly Change[], wallMs: number): void {
    this.#verify(changes);
    for (const change of changes) this.#apply(change, wallMs);
  }

  /** The body of a queued message. */
  body(message: MessageRef): Uint8Array {
    const entry = this.#lanes.get(laneName(message))?.entries.get(message.seq);
    assert(entry?.removed === false, `a message that is read is queued, ${message.seq} is not`);
    return entry.body;
  }

  /** Forgets removed messages that were accepted before `wallMs`; true when there may be more. */
  forget(wallMs: number): boolean {
    let forgotten = 0;
    for (const entry of this.#entries) {
      if (!entry.removed || entry.acceptedMs >= wallMs) continue;
      if (forgotten++ === FORGET_PIECE) return true;
      this.#entries.delete(entry);
      this.#lanes.get(laneName(entry.message))?.entries.delete(entry.message.seq);
    }
    return false;
  }

  /** Refuses what contradicts the state, before anything of it is applied. */
  #verify(changes: readonly Change[]): void {
    const ends = new Map<string, number>();
    const removed = new Set<string>();
    for (const change of changes) {
      if (!("message" in change)) continue;
      const { message } = change;
      const lane = laneName(message);
      const end = ends.get(lane) ?? this.#lanes.get(lane)?.nextSeq ?? 0;
      if (change.kind === "enqueued") {
        assert(message.seq === end, `message ${message.seq} of a lane comes after ${end - 1}`);
        ends.set(lane, end + 1);
        continue;
      }
      const place = `${lane} ${message.seq}`;
      const isQueued = this.#isQueued(lane, message.seq, end) && !removed.has(place);
      assert(isQueued, `a changed message is queued, ${message.seq} is not`);
      if (change.kind === "removed") removed.add(place);
      else assert(change.deliveries > 0, "deliveries are counted from 1");
    }
  }

  #isQueued(laneName: string, seq: number, end: number): boolean {
    const lane = this.#lanes.get(laneName);
    if (seq >= (lane?.nextSeq ?? 0)) return seq < end;
    return lane?.entries.get(seq)?.removed === false;
  }

  #apply(change: Change, wallMs: number): void {
    switch (change.kind) {
      case "exchange_declared":
        if (!this.#exchanges.has(change.exchange)) {
          this.#exchanges.set(change.exchange, change.exchangeKind);
        }
        break;
      case "queue_declared":
        this.#queues.add(change.queue);
        break;
      case "bound": {
        const { queue, exchange, routingKey } = change;
        this.#bindings.set(`${queue} ${exchange} ${routingKey}`, { queue, exchange, routingKey });
        break;
      }
      case "key_registered":
        this.#keys.set(change.client, change.key.slice());
        break;
      default:
        this.#applyToMessage(change, wallMs);
    }
  }

  #applyToMessage(change: MessageChange, wallMs: number): void {
    const lane = this.#laneOf(change.message);
    if (change.kind === "enqueued") {
      const { message, body } = change;
      const entry = {
        message,
        body: body.slice(),
        acceptedMs: wallMs,
        deliveries: 0,
        removed: false,
      };
      lane.entries.set(message.seq, entry);
      lane.nextSeq++;
      this.#entries.add(entry);
      return;
    }
    const entry = lane.entries.get(change.message.seq);
    assert(entry !== undefined, "a verified message is there");
    if (change.kind === "removed") entry.removed = true;
    else entry.deliveries = change.deliveries;
  }

  #laneOf(message: MessageRef): MemoryLane {
    const name = laneName(message);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      const { queue, receiver } = message;
      this.#lanes.set(name, lane = { queue, receiver, entries: new Map(), nextSeq: 0 });
    }
    return lane;
  }
}

/** Names have no spaces. */
function laneName({ queue, receiver }: MessageRef): string {
  return `${queue} ${receiver}`;
}
