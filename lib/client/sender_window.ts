/**
 * The sender's bounded window: what is sealed and not yet accepted by the broker. It decides what to
 * write and when, matches replies, and sends the same bytes again until they are accepted. Pure:
 * time is an argument, results are values.
 *
 * Messages of one route (exchange and routing key) are accepted in the order they were added. That
 * is why a route that the broker has not taken a message from yet, or has just refused one for want
 * of a queue or of room, gets one message at a time: else the queue could appear, or have room again,
 * between two messages in flight, and the second would overtake the first.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { CipherMqError } from "../base/errors.ts";
import type { Command, PublishedMessage } from "../wire/command.ts";
import type { ReceivedReply } from "../wire/reply.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { ReplyHandler } from "./conversation.ts";
import { Fifo } from "../base/fifo.ts";
import { type Failure, type Obstacle, type Refusal, refusalFor } from "./refusal.ts";
import { type Entry, Route } from "./route.ts";

/** A sealed message and where it goes. */
export interface OutgoingMessage extends PublishedMessage {
  /** The exchange to publish to. */
  readonly exchange: string;
  /** The routing key to publish with. */
  readonly routingKey: string;
  /** How long it may wait in its queues, in milliseconds. Default: as they say. */
  readonly ttlMs?: number;
}

/** How much is under way at once, and how long things may take. */
export interface WindowOptions {
  /** Messages not yet accepted. Default 4,096. */
  readonly maxMessages?: number;
  /** Bytes of messages not yet accepted; one message always fits. Default 16 MiB. */
  readonly maxBytes?: number;
  /** Messages in one `publish_batch`. Default 256. */
  readonly maxBatchMessages?: number;
  /** Bytes of bodies in one `publish_batch`; one message always fits. Default 128 KiB. */
  readonly maxBatchBytes?: number;
  /** How long an incomplete batch waits for more while others are in flight, in milliseconds. Default 5. */
  readonly lingerMs?: number;
  /** How long a route may have no queue before its messages fail, in milliseconds. Default 30,000. */
  readonly waitMs?: number;
  /** How long a route's queues may be full before its messages fail, in milliseconds. Default: for ever. */
  readonly fullWaitMs?: number;
  /** The waits between attempts on a route that has no queue or no room. Default 50 ms to 1 s. */
  readonly retry?: BackoffOptions;
}

/** What happened to the window's messages. */
export type WindowEvent<M extends OutgoingMessage> =
  /** The broker has it. */
  | { readonly kind: "accepted"; readonly message: M }
  /** It is not tried any more; `refused`: the broker would not take it later either. */
  | {
    readonly kind: "failed";
    readonly message: M;
    readonly error: CipherMqError;
    readonly refused: boolean;
  }
  /** No queue takes the route's messages yet, or none has room; said once until that changes. */
  | {
    readonly kind: "waiting";
    readonly exchange: string;
    readonly routingKey: string;
    readonly obstacle: Obstacle;
    /** The broker's reason. */
    readonly why: string;
  };

/** One command in flight and how many of its replies came. */
interface Flight<M extends OutgoingMessage> {
  readonly route: Route<M>;
  readonly entries: readonly Entry<M>[];
  answered: number;
}

const DEFAULTS: Required<WindowOptions> = {
  maxMessages: 4_096,
  maxBytes: 16 * 1024 * 1024,
  maxBatchMessages: 256,
  maxBatchBytes: 128 * 1024,
  lingerMs: 5,
  waitMs: 30_000,
  fullWaitMs: Infinity,
  retry: { firstMs: 50, maxMs: 1_000 },
};

/** Messages on their way to the broker. */
export class SenderWindow<M extends OutgoingMessage> implements ReplyHandler {
  readonly #options: Required<WindowOptions>;
  readonly #random: Random;
  readonly #routes = new Map<string, Route<M>>();
  /** Routes with messages that are not in flight; who was served goes to the end. */
  readonly #active = new Set<Route<M>>();
  readonly #flying = new Fifo<Flight<M>>();
  #events: WindowEvent<M>[] = [];
  #messages = 0;
  #bytes = 0;
  #resent = 0;

  /** Makes an empty window. */
  constructor(random: Random, options: WindowOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#random = random;
  }

  /** How many messages are neither accepted nor failed. */
  get pending(): number {
    return this.#messages;
  }

  /** How many messages were written again after a lost connection. */
  get resent(): number {
    return this.#resent;
  }

  /** Whether so many messages with so many bytes may be added now. One message always fits. */
  hasRoom(messages: number, bytes: number): boolean {
    if (this.#messages === 0 && messages <= 1) return true;
    return this.#messages + messages <= this.#options.maxMessages &&
      this.#bytes + bytes <= this.#options.maxBytes;
  }

  /** Takes a message over. The caller has seen {@linkcode hasRoom}. */
  add(message: M, nowMs: number): void {
    const route = this.#route(message.exchange, message.routingKey);
    route.add({ message, addedMs: nowMs, alone: false });
    this.#messages++;
    this.#bytes += message.body.length;
    this.#active.add(route);
  }

  /** The next command to write now, if there is one; it counts as written. `hurry`: do not linger. */
  take(nowMs: number, hurry = false): Command | undefined {
    for (const route of this.#active) {
      const entries = route.take(nowMs, hurry ? 0 : this.#options.lingerMs, this.#options);
      if (entries.length === 0) continue;
      this.#active.delete(route);
      if (route.waiting > 0) this.#active.add(route);
      this.#flying.push({ route, entries, answered: 0 });
      return publishCommand(entries);
    }
    return undefined;
  }

  /** When {@linkcode take} has something that it has not now, in milliseconds from now. */
  wakeInMs(nowMs: number): number | undefined {
    let wakeMs = Infinity;
    for (const route of this.#active) {
      wakeMs = Math.min(wakeMs, route.dueMs(this.#options.lingerMs));
    }
    return wakeMs === Infinity ? undefined : Math.max(wakeMs - nowMs, 0);
  }

  /** Takes the broker's reply to what was written first and not answered. */
  reply(reply: ReceivedReply, nowMs: number): boolean {
    const flight = this.#flying.peek();
    if (flight === undefined) throw nonsense(reply);
    const entry = flight.entries[flight.answered]!;
    if (reply.kind === "accepted" && reply.id === entry.message.id) {
      this.#accept(flight, entry);
    } else if (reply.kind === "failed") {
      if (!this.#refuse(flight, entry, reply, nowMs)) throw nonsense(reply);
    } else throw nonsense(reply);
    if (flight.answered < flight.entries.length) return false;
    this.#flying.shift();
    return true;
  }

  /** The connection is gone: what was not answered is written again, in order, on the next one. */
  lost(): void {
    for (const flight of this.#flying.drain()) {
      const unanswered = flight.entries.slice(flight.answered);
      this.#resent += unanswered.length;
      for (const entry of unanswered) this.#comeBack(flight.route, entry);
    }
  }

  /** What happened since the last call, in order. */
  events(): WindowEvent<M>[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** Fails all that is left. */
  failAll(error: CipherMqError): void {
    this.lost();
    for (const route of this.#routes.values()) {
      for (const entry of route.drain()) this.#fail(entry, error, false);
    }
    this.#active.clear();
  }

  #route(exchange: string, routingKey: string): Route<M> {
    // Names have no spaces.
    const name = `${exchange} ${routingKey}`;
    let route = this.#routes.get(name);
    if (route === undefined) {
      route = new Route<M>(exchange, routingKey, this.#random, this.#options.retry);
      this.#routes.set(name, route);
    }
    return route;
  }

  #accept(flight: Flight<M>, entry: Entry<M>): void {
    flight.answered++;
    flight.route.accepted();
    this.#landed(flight.route);
    this.#leave(entry);
    this.#events.push({ kind: "accepted", message: entry.message });
  }

  /** False when the line cannot be an answer to this message or batch. */
  #refuse(flight: Flight<M>, entry: Entry<M>, reply: Failure, nowMs: number): boolean {
    const alone = flight.entries.length === 1;
    const refusal = refusalFor(reply, alone ? undefined : entry.message.id);
    if (refusal !== undefined) {
      flight.answered++;
      this.#refused(flight.route, entry, refusal, nowMs);
      return true;
    }
    // One line for the whole batch: which message is to blame shows when each goes alone.
    if (flight.answered > 0 || reply.id !== undefined) return false;
    flight.answered = flight.entries.length;
    for (const one of flight.entries) {
      one.alone = true;
      this.#comeBack(flight.route, one);
    }
    return true;
  }

  #refused(route: Route<M>, entry: Entry<M>, refusal: Refusal, nowMs: number): void {
    const { obstacle, why, error } = refusal;
    if (obstacle === undefined) {
      this.#landed(route);
      this.#fail(entry, error, true);
      return;
    }
    if (route.blocked(obstacle, why, nowMs)) {
      const { exchange, routingKey } = route;
      this.#events.push({ kind: "waiting", exchange, routingKey, obstacle, why });
    }
    this.#comeBack(route, entry);
    const waitMs = obstacle === "no_queue" ? this.#options.waitMs : this.#options.fullWaitMs;
    if (route.inFlight > 0 || route.waitedMs(nowMs) < waitMs) return;
    for (const one of route.drain()) this.#fail(one, error, false);
    this.#active.delete(route);
    route.waitOver();
  }

  #landed(route: Route<M>): void {
    route.landed();
    if (route.waiting > 0) this.#active.add(route);
  }

  #comeBack(route: Route<M>, entry: Entry<M>): void {
    route.comeBack(entry);
    this.#landed(route);
  }

  #fail(entry: Entry<M>, error: CipherMqError, refused: boolean): void {
    this.#leave(entry);
    this.#events.push({ kind: "failed", message: entry.message, error, refused });
  }

  #leave(entry: Entry<M>): void {
    this.#messages--;
    this.#bytes -= entry.message.body.length;
  }
}

function publishCommand<M extends OutgoingMessage>(entries: readonly Entry<M>[]): Command {
  const { message } = entries[0]!;
  const { exchange, routingKey, ttlMs } = message;
  if (entries.length === 1) {
    const life = ttlMs === undefined ? {} : { ttlMs };
    return { kind: "publish", exchange, routingKey, message, ...life };
  }
  const messages = entries.map((entry) => entry.message);
  return { kind: "publish_batch", exchange, routingKey, messages };
}

function nonsense(reply: ReceivedReply): CipherMqError {
  const said = reply.kind === "failed" ? `'${reply.text}'` : `a reply '${reply.kind}'`;
  return new CipherMqError("protocol", `the broker gave ${said} that fits no published message`);
}
