/**
 * What a {@linkcode MemoryStore} leaves behind: it outlives the store as a disk does.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { QueueOptions } from "../base/queue_options.ts";
import type { Change } from "../core/effect.ts";
import type { ExchangeKind } from "../core/exchange.ts";
import type { MessageHead, MessageRef } from "../core/message.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";

/** A message with its body, as long as it is known. */
interface Entry {
  readonly message: MessageHead;
  readonly body: Uint8Array;
  readonly acceptedMs: number;
  deliveries: number;
  gone?: "removed" | "moved";
}

interface MemoryLane {
  readonly queue: string;
  readonly receiver: string;
  readonly entries: Map<number, Entry>;
  nextSeq: number;
}

type Binding = Snapshot["bindings"][number];
type MessageChange = Extract<Change, { message: unknown }>;
type TopologyChange = Exclude<Change, MessageChange>;

/** Forgotten at most in one call. */
const FORGET_PIECE = 1_000;

/** The committed state. */
export class MemoryDisk {
  readonly #exchanges = new Map<string, ExchangeKind>();
  readonly #queues = new Map<string, Partial<QueueOptions>>();
  readonly #bindings = new Map<string, Binding>();
  readonly #keys = new Map<string, Uint8Array>();
  readonly #lanes = new Map<string, MemoryLane>();
  /** In the order of acceptance. */
  readonly #entries = new Set<Entry>();

  /** A copy of the state without the messages. */
  snapshot(): Snapshot {
    return {
      exchanges: [...this.#exchanges].map(([exchange, exchangeKind]) => ({
        exchange,
        exchangeKind,
      })),
      queues: [...this.#queues].map(([queue, options]) => ({ queue, options })),
      bindings: [...this.#bindings.values()],
      keys: [...this.#keys].map(([client, key]) => ({ client, key: key.slice() })),
      lanes: [...this.#lanes.values()].map(({ queue, receiver, nextSeq }) => ({
        queue,
        receiver,
        nextSeq,
      })),
    };
  }

  /** Queued and remembered messages as they are now, in the order they were accepted. */
  messages(): StoredMessage[] {
    return [...this.#entries].map(storedOf);
  }

  /** Takes all changes or, throwing an AssertionError, none. */
  write(changes: readonly Change[], wallMs: number): void {
    this.#verify(changes);
    for (const change of changes) this.#apply(change, wallMs);
  }

  /** The body of a queued message. */
  body(message: MessageRef): Uint8Array {
    const entry = this.#lanes.get(laneName(message))?.entries.get(message.seq);
    const isQueued = entry !== undefined && entry.gone === undefined;
    assert(isQueued, `a message that is read is queued, ${message.seq} is not`);
    return entry.body;
  }

  /** Forgets removed messages that were accepted before `wallMs`; true when there may be more. */
  forget(wallMs: number): boolean {
    let forgotten = 0;
    for (const entry of this.#entries) {
      if (entry.gone === undefined || entry.acceptedMs >= wallMs) continue;
      if (forgotten++ === FORGET_PIECE) return true;
      this.#entries.delete(entry);
      this.#lanes.get(laneName(entry.message))?.entries.delete(entry.message.seq);
    }
    return false;
  }

  /** Refuses what contradicts the state, before anything of it is applied. */
  #verify(changes: readonly Change[]): void {
    /** The ends of the lanes to which something is added. */
    const ends = new Map<string, number>();
    const gone = new Set<string>();
    for (const change of changes) {
      if (change.kind === "queue_deleted") this.#verifyDeleted(change.queue, ends, gone);
      if (!("message" in change)) continue;
      if (change.kind === "moved") this.#verifyGone(change.from, ends, gone);
      if (change.kind === "enqueued" || change.kind === "moved") {
        const { message } = change;
        const lane = laneName(message);
        const end = this.#endOf(lane, ends);
        assert(message.seq === end, `message ${message.seq} of a lane comes after ${end - 1}`);
        ends.set(lane, end + 1);
      } else if (change.kind === "removed") this.#verifyGone(change.message, ends, gone);
      else {
        this.#verifyQueued(change.message, ends, gone);
        assert(change.deliveries > 0, "deliveries are counted from 1");
      }
    }
  }

  #verifyDeleted(queue: string, ends: ReadonlyMap<string, number>, gone: Set<string>): void {
    for (const lane of new Set([...this.#lanes.keys(), ...ends.keys()])) {
      if (!lane.startsWith(`${queue} `)) continue;
      const end = this.#endOf(lane, ends);
      for (let seq = 0; seq < end; seq++) gone.add(`${lane} ${seq}`);
    }
  }

  /** The place after the last of a lane, with what is added to it. */
  #endOf(lane: string, ends: ReadonlyMap<string, number>): number {
    return ends.get(lane) ?? this.#lanes.get(lane)?.nextSeq ?? 0;
  }

  #verifyGone(ref: MessageRef, ends: ReadonlyMap<string, number>, gone: Set<string>): void {
    this.#verifyQueued(ref, ends, gone);
    gone.add(placeName(ref));
  }

  #verifyQueued(
    ref: MessageRef,
    ends: ReadonlyMap<string, number>,
    gone: ReadonlySet<string>,
  ): void {
    const name = laneName(ref);
    const lane = this.#lanes.get(name);
    const isNew = ref.seq >= (lane?.nextSeq ?? 0) && ref.seq < (ends.get(name) ?? 0);
    const entry = lane?.entries.get(ref.seq);
    const isQueued = isNew || (entry !== undefined && entry.gone === undefined);
    assert(
      isQueued && !gone.has(placeName(ref)),
      `a changed message is queued, ${ref.seq} is not`,
    );
  }

  #apply(change: Change, wallMs: number): void {
    if (!("message" in change)) return this.#applyToTopology(change);
    if (change.kind === "enqueued") {
      return this.#append(change.message, change.body.slice(), wallMs);
    }
    if (change.kind === "moved") {
      const from = this.#entryAt(change.from);
      from.gone = "moved";
      return this.#append(change.message, from.body, wallMs);
    }
    const entry = this.#entryAt(change.message);
    if (change.kind === "removed") entry.gone = "removed";
    else entry.deliveries = change.deliveries;
  }

  #applyToTopology(change: TopologyChange): void {
    switch (change.kind) {
      case "exchange_declared":
        if (!this.#exchanges.has(change.exchange)) {
          this.#exchanges.set(change.exchange, change.exchangeKind);
        }
        break;
      case "exchange_deleted":
        this.#exchanges.delete(change.exchange);
        this.#unbind(({ exchange }) => exchange === change.exchange);
        break;
      case "queue_declared":
        this.#queues.set(change.queue, { ...change.options });
        break;
      case "queue_deleted":
        this.#queues.delete(change.queue);
        this.#unbind(({ queue }) => queue === change.queue);
        this.#empty(change.queue);
        break;
      case "bound": {
        const { queue, exchange, routingKey } = change;
        this.#bindings.set(bindingName(change), { queue, exchange, routingKey });
        break;
      }
      case "unbound":
        this.#bindings.delete(bindingName(change));
        break;
      case "key_registered":
        this.#keys.set(change.client, change.key.slice());
    }
  }

  #unbind(isMeant: (binding: Binding) => boolean): void {
    for (const [name, binding] of this.#bindings) if (isMeant(binding)) this.#bindings.delete(name);
  }

  #empty(queue: string): void {
    for (const lane of this.#lanes.values()) {
      if (lane.queue !== queue) continue;
      for (const entry of lane.entries.values()) entry.gone ??= "removed";
    }
  }

  #append(message: MessageHead, body: Uint8Array, acceptedMs: number): void {
    const lane = this.#laneOf(message);
    const entry = { message, body, acceptedMs, deliveries: 0 };
    lane.entries.set(message.seq, entry);
    lane.nextSeq++;
    this.#entries.add(entry);
  }

  #entryAt(ref: MessageRef): Entry {
    const entry = this.#lanes.get(laneName(ref))?.entries.get(ref.seq);
    assert(entry !== undefined, "a verified message is there");
    return entry;
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

function storedOf({ message, acceptedMs, deliveries, gone }: Entry): StoredMessage {
  if (gone === undefined) return { message, acceptedMs, deliveries };
  return { message, acceptedMs, deliveries: 0, gone };
}

/** Names have no spaces. */
function laneName({ queue, receiver }: MessageRef): string {
  return `${queue} ${receiver}`;
}

function placeName(ref: MessageRef): string {
  return `${laneName(ref)} ${ref.seq}`;
}

function bindingName({ queue, exchange, routingKey }: Binding): string {
  return `${queue} ${exchange} ${routingKey}`;
}
