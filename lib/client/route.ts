/**
 * The messages of one route: those that wait in order, and whether the broker takes them. Pure.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { Fifo } from "../base/fifo.ts";
import type { Obstacle } from "./refusal.ts";

/** One message of a window. */
export interface Entry<M> {
  /** The message; its bytes never change. */
  readonly message: M;
  /** When it was added, in milliseconds. */
  readonly addedMs: number;
  /** A batch with it was refused as a whole: it travels alone from now on. */
  alone: boolean;
}

/** How large a command may be. */
export interface BatchLimits {
  /** Messages in one command. */
  readonly maxBatchMessages: number;
  /** Bytes of bodies in one command; one message always fits. */
  readonly maxBatchBytes: number;
}

/** A notice that would say the same as one in this time is not worth giving, in milliseconds. */
const QUIET_MS = 10_000;
/** A route that was full counts as free again when so many messages were taken since. */
const FREE_AFTER = 1_024;

/** One exchange and routing key, and the messages that go there. */
export class Route<M extends { readonly body: Uint8Array; readonly ttlMs?: number }> {
  /** Where its messages are published to. */
  readonly exchange: string;
  /** The routing key they are published with. */
  readonly routingKey: string;
  readonly #backoff: Backoff;
  #queue = new Fifo<Entry<M>>();
  #queuedBytes = 0;
  /** Came back while others of the route were in flight. */
  #returned: Entry<M>[] = [];
  #inFlight = 0;
  /** The broker took the last message of the route that it answered about. */
  #proven = false;
  /** How many messages may be in flight: few, and in one command, after there was no room for one. */
  #room = Infinity;
  #obstacle: Obstacle | undefined;
  #blockedSinceMs = 0;
  #told: string | undefined;
  #refusedMs = -Infinity;
  #retryAtMs = -Infinity;

  /** Makes a route that is not known to work. */
  constructor(exchange: string, routingKey: string, random: Random, retry: BackoffOptions) {
    this.exchange = exchange;
    this.routingKey = routingKey;
    this.#backoff = new Backoff(random, retry);
  }

  /** How many messages wait to be written. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** How many messages were written and not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Adds a message behind all others. */
  add(entry: Entry<M>): void {
    this.#queue.push(entry);
    this.#queuedBytes += entry.message.body.length;
  }

  /** Takes the messages of the next command, none when it is not time for one. */
  take(nowMs: number, lingerMs: number, limits: BatchLimits): Entry<M>[] {
    if (!this.#proven) {
      return this.#inFlight > 0 || nowMs < this.#retryAtMs ? [] : this.#cut(1, Infinity);
    }
    if (this.#returned.length > 0) return [];
    if (this.#room < Infinity) {
      const count = Math.min(this.#room, limits.maxBatchMessages);
      return this.#inFlight > 0 ? [] : this.#cut(count, limits.maxBatchBytes);
    }
    const full = this.#queue.length >= limits.maxBatchMessages ||
      this.#queuedBytes >= limits.maxBatchBytes;
    if (!full && this.#inFlight > 0 && nowMs < this.dueMs(lingerMs)) return [];
    return this.#cut(limits.maxBatchMessages, limits.maxBatchBytes);
  }

  /** When {@linkcode take} gives something although no reply comes and no message is added. */
  dueMs(lingerMs: number): number {
    const first = this.#queue.peek();
    if (first === undefined) return Infinity;
    const oneAtATime = !this.#proven || this.#room < Infinity;
    if (this.#returned.length > 0 || (oneAtATime && this.#inFlight > 0)) return Infinity;
    return this.#proven ? first.addedMs + lingerMs : this.#retryAtMs;
  }

  /** The broker took one: the route works. */
  accepted(): void {
    this.#proven = true;
    this.#obstacle = undefined;
    this.#backoff.reset();
    // As many again as were taken: what is sent to a full queue in vain stays little.
    if (++this.#room > FREE_AFTER) this.#room = Infinity;
  }

  /** The broker has no queue or no room for one: true when that is news. */
  blocked(obstacle: Obstacle, why: string, nowMs: number): boolean {
    const news = why !== this.#told || nowMs - this.#refusedMs > QUIET_MS;
    this.#told = why;
    this.#refusedMs = nowMs;
    if (this.#obstacle !== obstacle) this.#blockedSinceMs = nowMs;
    this.#obstacle = obstacle;
    if (this.#proven || nowMs >= this.#retryAtMs) this.#retryAtMs = nowMs + this.#backoff.next();
    this.#proven = false;
    if (obstacle === "no_room") this.#room = 1;
    return news;
  }

  /** For how long the broker has taken nothing for the route, in milliseconds. */
  waitedMs(nowMs: number): number {
    return this.#obstacle === undefined ? 0 : nowMs - this.#blockedSinceMs;
  }

  /** The wait is over; what is added from now on waits anew. */
  waitOver(): void {
    this.#obstacle = undefined;
    this.#told = undefined;
    this.#retryAtMs = -Infinity;
    this.#backoff.reset();
  }

  /** One that was in flight must be written again. {@linkcode landed} follows. */
  comeBack(entry: Entry<M>): void {
    this.#returned.push(entry);
  }

  /** One that was in flight is not any more; with the last one, those that came back queue again. */
  landed(): void {
    if (--this.#inFlight > 0 || this.#returned.length === 0) return;
    // They were written in order and answered in order, so they are in order.
    const returned = this.#returned;
    this.#returned = [];
    this.#queue.prepend(returned);
    for (const entry of returned) this.#queuedBytes += entry.message.body.length;
  }

  /** Takes all that wait. */
  drain(): Entry<M>[] {
    this.#queuedBytes = 0;
    return this.#queue.drain();
  }

  #cut(maxMessages: number, maxBytes: number): Entry<M>[] {
    const entries: Entry<M>[] = [];
    let bytes = 0;
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      bytes += next.message.body.length;
      // Only `publish` can say how long a message lives.
      const alone = next.alone || next.message.ttlMs !== undefined;
      const fits = entries.length < maxMessages && bytes <= maxBytes && !alone;
      if (entries.length > 0 && !fits) break;
      entries.push(next);
      this.#queue.shift();
      this.#queuedBytes -= next.message.body.length;
      if (alone) break;
    }
    this.#inFlight += entries.length;
    return entries;
  }
}
