/**
 * What the core knows, kept as plainly as possible: arrays, searched from the front.
 *
 * @module
 */
import type { Now } from "../../lib/base/clock.ts";
import type { Limits } from "../../lib/base/limits.ts";
import { defaultQueueOptions, type QueueOptions } from "../../lib/base/queue_options.ts";
import type { DeadLetter, MessageRef } from "../../lib/core/message.ts";

/** What stays with a message wherever it goes. */
export interface ModelFacts {
  readonly publisher: string;
  readonly id: string;
  readonly body: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/** A message in its place. */
export interface ModelMessage extends MessageRef {
  readonly facts: ModelFacts;
  readonly expiresMs: number;
  readonly dead: DeadLetter | undefined;
  /** Times it was handed out, as far as memory and as far as the disk knows. */
  deliveries: number;
  storedDeliveries: number;
  /** Handed out in this run of the broker. */
  given: boolean;
  holder: number | undefined;
  fetched: boolean;
  /** The lower of two was handed out earlier. */
  heldOrder: number;
  /** When its lease began or was prolonged last. */
  heldSinceMs: number;
  /** A tick saw its time over while somebody held it. */
  wasOver: boolean;
}

/** A connection and what it consumes. */
export interface ModelConnection {
  readonly connection: number;
  readonly identity: string;
  subscriptions: { readonly queue: string; readonly prefetch: number }[];
  unsentBytes: number;
  /** By route, the first message that found no room, and the latest that was refused behind it. */
  readonly heldBack: Map<string, { id: string; sinceMs: number; lastId: string; lastMs: number }>;
}

interface ModelBinding {
  readonly exchange: string;
  readonly key: string;
  readonly queue: string;
}

/** Exchanges, queues, messages and connections. */
export class CoreModelState {
  readonly limits: Limits;
  now: Now = { wallMs: 0, monoMs: 0 };
  diskLow = false;
  exchanges: string[] = [];
  queues = new Map<string, Partial<QueueOptions>>();
  bindings: ModelBinding[] = [];
  /** In a lane, in its order. */
  messages: ModelMessage[] = [];
  connections: ModelConnection[] = [];
  readonly published: { publisher: string; id: string; body: string }[] = [];
  readonly acknowledged: { identity: string; id: string }[] = [];
  /** Removed otherwise: a restart makes no difference between these and the acknowledged. */
  readonly removed: { identity: string; id: string }[] = [];
  /** By queue and receiver; a place is never used twice. */
  readonly #nextSeqs = new Map<string, number>();

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** The broker died and came back. */
  restart(): void {
    this.connections = [];
    this.diskLow = false;
    this.acknowledged.push(...this.removed);
    for (const message of this.messages) {
      message.holder = undefined;
      message.given = false;
      message.wasOver = false;
      message.deliveries = message.storedDeliveries;
    }
  }

  options(queue: string): QueueOptions {
    const options = { ...defaultQueueOptions(this.limits), ...this.queues.get(queue) };
    return isDeadLetterQueue(queue) ? { ...options, maxDeliveries: 0, ttlMs: 0 } : options;
  }

  /** Adds a message at the end of its lane. */
  append(
    queue: string,
    receiver: string,
    facts: ModelFacts,
    expiresMs: number,
    dead?: DeadLetter,
  ): ModelMessage {
    const lane = `${queue} ${receiver}`;
    const seq = this.#nextSeqs.get(lane) ?? 0;
    this.#nextSeqs.set(lane, seq + 1);
    const message = {
      ...{ queue, receiver, seq, facts, expiresMs, dead },
      ...{ deliveries: 0, storedDeliveries: 0, given: false, wasOver: false },
      ...{ holder: undefined, fetched: false, heldOrder: 0, heldSinceMs: 0 },
    };
    this.messages.push(message);
    return message;
  }

  /** Takes a message out; `otherwise` than by an ack or to another queue. */
  remove(message: ModelMessage, otherwise = false): void {
    this.messages = this.messages.filter((one) => one !== message);
    if (otherwise) this.removed.push({ identity: message.receiver, id: message.facts.id });
  }

  at({ queue, receiver, seq }: MessageRef): ModelMessage | undefined {
    return this.messages.find((one) =>
      one.queue === queue && one.receiver === receiver && one.seq === seq
    );
  }

  /** The end of the soonest of some times to live. */
  expiry(queue: string, ttlMs = 0): number {
    if (isDeadLetterQueue(queue)) return 0;
    const ttls = [ttlMs, this.options(queue).ttlMs].filter((ttl) => ttl > 0);
    return ttls.length === 0 ? 0 : this.now.wallMs + Math.min(...ttls);
  }

  isOver({ expiresMs, wasOver }: ModelMessage): boolean {
    return wasOver || (expiresMs > 0 && expiresMs <= this.now.wallMs);
  }

  /** Whether a queue has no room for a message. */
  isFull(queue: string, body: string): boolean {
    const { maxMessages, maxBytes } = this.options(queue);
    const inside = this.messages.filter((one) => one.queue === queue);
    const bytes = inside.reduce((sum, { facts }) => sum + facts.body.length, body.length);
    return inside.length >= maxMessages || bytes > maxBytes;
  }

  /** Whether a message would overtake one before it that found no room. */
  isHeldBack({ heldBack }: ModelConnection, route: string, id: string): boolean {
    const first = heldBack.get(route);
    if (first === undefined) return false;
    const { monoMs } = this.now;
    const isOver = monoMs >= first.lastMs + 2_000 || monoMs >= first.sinceMs + 10_000;
    if (isOver || id === first.id || id === first.lastId) return !heldBack.delete(route);
    heldBack.set(route, { ...first, lastId: id, lastMs: monoMs });
    return true;
  }

  held(connection: number): ModelMessage[] {
    return this.messages.filter(({ holder }) => holder === connection)
      .toSorted((a, b) => a.heldOrder - b.heldOrder);
  }

  waiting(queue: string, receiver?: string): ModelMessage[] {
    return this.messages.filter((one) =>
      one.queue === queue && one.holder === undefined &&
      (receiver === undefined || one.receiver === receiver)
    ).toSorted((a, b) => a.seq - b.seq);
  }

  consumers(queue: string): number {
    return this.connections.filter(({ subscriptions }) =>
      subscriptions.some((one) => one.queue === queue)
    ).length;
  }

  /** Whether a connection has a subscription, credit and room for a message. */
  mayPush(peer: ModelConnection, message: ModelMessage): boolean {
    const subscription = peer.subscriptions.find(({ queue }) => queue === message.queue);
    if (subscription === undefined || peer.unsentBytes >= this.limits.maxUnsentBytes) return false;
    const held = this.held(peer.connection)
      .filter(({ queue, fetched }) => queue === message.queue && !fetched);
    return this.fits(message, held, subscription.prefetch);
  }

  fits(message: ModelMessage, held: readonly ModelMessage[], prefetch: number): boolean {
    const size = message.facts.body.length;
    const bytes = held.reduce((sum, { facts }) => sum + facts.body.length, size);
    return held.length === 0 ||
      (held.length < prefetch && bytes <= this.limits.maxPrefetchBytes);
  }
}

/** Whether a queue's name is that of a dead-letter queue. */
export function isDeadLetterQueue(queue: string): boolean {
  return queue.endsWith(".dead");
}
