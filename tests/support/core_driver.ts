/**
 * Drives the broker's core by hand: identities connect, inputs go in, and what comes out is kept
 * per connection. A disk in memory takes the changes, so that a restart is one call.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { QueueOptions } from "../../lib/base/queue_options.ts";
import type { Random } from "../../lib/base/random.ts";
import { Broker } from "../../lib/core/broker.ts";
import type { Answer, Change, DeadLetterReport, Effect } from "../../lib/core/effect.ts";
import type { ConnectionId, Input } from "../../lib/core/input.ts";
import type { StatsReport } from "../../lib/core/stats.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";

/** Numbers that only look random, the same in every run (mulberry32). */
export function seededRandom(seed = 1): Random {
  let state = seed;
  return {
    uint32(): number {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return (mixed ^ (mixed >>> 14)) >>> 0;
    },
  };
}

type WithoutConnection<T> = T extends Input ? Omit<T, "connection"> : never;

/** An input, with its connection left to the client that sends it. */
export type ClientInput = WithoutConnection<
  Exclude<Input, { kind: "tick" | "connected" | "disconnected" | "drained" }>
>;

/** A message as a client got it. */
export interface Delivery {
  readonly queue: string;
  readonly id: string;
  readonly publisher: string;
  readonly body: string;
  /** Which delivery of the message it was, from 1. */
  readonly deliveries: number;
  readonly fetched: boolean;
}

/** What a publish may say besides its id; the rest is {@linkcode PUBLISH_DEFAULTS}. */
export interface PublishOptions {
  readonly exchange?: string;
  readonly key?: string;
  readonly to?: string;
  readonly body?: string;
  readonly ttlMs?: number;
}

const PUBLISH_DEFAULTS = { exchange: "x", key: "k", to: "bob", body: "text" };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A broker whose disk survives it. */
export class CoreDriver {
  limits: Limits;
  readonly disk = new MemoryDisk();
  /** Every change since the beginning, restarts included. */
  readonly changes: Change[] = [];
  wallMs = 1_700_000_000_000;
  monoMs = 0;
  #broker: Broker;
  #nextConnection = 1;
  #clients = new Map<ConnectionId, CoreClient>();

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#broker = this.#open();
  }

  /** Connects `identity`. */
  connect(identity: string): CoreClient {
    const client = this.expect(this.#nextConnection++, identity);
    this.step({ kind: "connected", connection: client.connection, identity });
    return client;
  }

  /** Makes a client for a connection whose `connected` the caller steps. */
  expect(connection: ConnectionId, identity: string): CoreClient {
    const client = new CoreClient(this, connection, identity);
    this.#clients.set(connection, client);
    this.#nextConnection = Math.max(this.#nextConnection, connection + 1);
    return client;
  }

  /** Passes time. */
  wait(ms: number): void {
    this.wallMs += ms;
    this.monoMs += ms;
  }

  /** Passes time and lets the broker see it. */
  tick(ms = 0): void {
    this.wait(ms);
    this.step({ kind: "tick" });
  }

  /**
   * Forgets everything but the disk and starts again from it, with other limits where some are given;
   * all connections are gone.
   */
  restart(limits: Partial<Limits> = {}): void {
    this.limits = { ...this.limits, ...limits };
    this.#clients.clear();
    this.#broker = this.#open();
  }

  /** Counts answered commands, as the engine does. */
  answered(count: number, ms: number): void {
    this.#broker.answered(count, ms);
  }

  /** Counts a refused connection, as the listener does. */
  connectionRefused(): void {
    this.#broker.connectionRefused();
  }

  /** Tells whether the disk is nearly full, as the engine does. */
  diskLow(low: boolean): void {
    this.#broker.disk(low);
  }

  /** Takes one input through the core and the disk, and hands out what it said. */
  step(input: Input): Effect[] {
    const effects: Effect[] = [];
    this.#broker.step(input, { wallMs: this.wallMs, monoMs: this.monoMs }, effects);
    const changes = effects.flatMap((effect) => effect.kind === "change" ? [effect.change] : []);
    this.changes.push(...changes);
    this.disk.write(changes, this.wallMs);
    for (const effect of effects) {
      if (effect.kind === "change") continue;
      const client = this.#clients.get(effect.connection);
      assert(client !== undefined, "an effect is for a connection of this run");
      if (effect.kind === "answer") client.answers.push(effect.answer);
      else this.#deliver(client, effect);
    }
    return effects;
  }

  #deliver(client: CoreClient, effect: Extract<Effect, { kind: "deliver" }>): void {
    const { queue, id, publisher, deliveries } = effect.message;
    const body = decoder.decode(this.disk.body(effect.message));
    client.received.push({ queue, id, publisher, body, deliveries, fetched: effect.fetched });
  }

  #open(): Broker {
    const options = { limits: this.limits, random: seededRandom() };
    const broker = new Broker(options, this.disk.snapshot());
    broker.restore(this.disk.messages());
    return broker;
  }
}

/** One connection, and everything it was told. */
export class CoreClient {
  readonly driver: CoreDriver;
  readonly connection: ConnectionId;
  readonly identity: string;
  readonly answers: Answer[] = [];
  readonly received: Delivery[] = [];

  constructor(driver: CoreDriver, connection: ConnectionId, identity: string) {
    this.driver = driver;
    this.connection = connection;
    this.identity = identity;
  }

  /** Sends an input and gives its answer; nothing where it got none. */
  send(input: ClientInput): Answer | undefined {
    const before = this.answers.length;
    const { connection } = this;
    this.driver.step({ ...input, connection });
    assert(this.answers.length <= before + 1, "an input gets one answer at most");
    return this.answers[before];
  }

  /** Declares a queue, or tells it more. */
  declare(queue: string, options: Partial<QueueOptions> = {}): Answer | undefined {
    return this.send({ kind: "declare_queue", queue, options });
  }

  /** Declares exchange, queue and the binding between them. */
  bind(
    queue: string,
    exchange = PUBLISH_DEFAULTS.exchange,
    key = PUBLISH_DEFAULTS.key,
    options: Partial<QueueOptions> = {},
  ): void {
    this.send({ kind: "declare_exchange", exchange, exchangeKind: "direct" });
    this.declare(queue, options);
    const answer = this.send({ kind: "bind", queue, exchange, routingKey: key });
    assert.deepEqual(answer, { kind: "queue_bound" });
  }

  publish(id: string, options: PublishOptions = {}): Answer | undefined {
    const { exchange, key, to, body, ttlMs } = { ...PUBLISH_DEFAULTS, ...options };
    const bytes = encoder.encode(body);
    return this.send({
      kind: "publish",
      exchange,
      routingKey: key,
      id,
      receiver: to,
      body: bytes,
      ...(ttlMs !== undefined && { ttlMs }),
    });
  }

  /** Publishes several, each of which must be accepted. */
  publishAll(ids: readonly string[], options: PublishOptions = {}): void {
    for (const id of ids) assert.deepEqual(this.publish(id, options), { kind: "accepted", id });
  }

  consume(queue: string, prefetch?: number): Answer | undefined {
    return this.send({ kind: "consume", queue, ...(prefetch !== undefined && { prefetch }) });
  }

  fetch(queue: string): Answer | undefined {
    return this.send({ kind: "fetch", queue });
  }

  ack(id: string): Answer | undefined {
    return this.send({ kind: "ack", id });
  }

  /** Acknowledges several, each of which must be confirmed. */
  ackAll(ids: readonly string[]): void {
    for (const id of ids) assert.deepEqual(this.ack(id), { kind: "ack_confirmed", id });
  }

  /** Refuses a delivery, to be delivered again. */
  nack(id: string): Answer | undefined {
    return this.send({ kind: "nack", id, dead: false });
  }

  /** Refuses a delivery for good. */
  reject(id: string, reason?: string): Answer | undefined {
    return this.send({ kind: "nack", id, dead: true, ...(reason !== undefined && { reason }) });
  }

  touch(id: string): Answer | undefined {
    return this.send({ kind: "touch", id });
  }

  /** The dead letters of a queue that wait for this identity. */
  deadLetters(queue: string, after?: number): readonly DeadLetterReport[] {
    const rest = after === undefined ? {} : { after };
    const answer = this.send({ kind: "dead_letters", queue, ...rest });
    assert(answer?.kind === "dead_letters");
    return answer.letters;
  }

  /** Puts dead letters back, and says how many. */
  redrive(queue: string, id?: string): number {
    const answer = this.send({ kind: "redrive", queue, ...(id !== undefined && { id }) });
    assert(answer?.kind === "redriven", answer?.kind);
    return answer.count;
  }

  stats(): StatsReport {
    const answer = this.send({ kind: "stats" });
    assert(answer?.kind === "stats");
    return answer.report;
  }

  drained(): void {
    this.driver.step({ kind: "drained", connection: this.connection });
  }

  disconnect(): void {
    this.driver.step({ kind: "disconnected", connection: this.connection });
  }

  /** Takes what was delivered since the last call. */
  take(): Delivery[] {
    return this.received.splice(0);
  }

  /** Takes the ids of what was delivered since the last call. */
  takeIds(): string[] {
    return this.take().map((delivery) => delivery.id);
  }
}

/** The text of a refusal; fails if it was none. */
export function refusalText(answer: Answer | undefined): string {
  assert(answer?.kind === "refused", `refused, not ${answer?.kind}`);
  return answer.text;
}

/** The code of a refusal; fails if it was none. */
export function refusal(answer: Answer | undefined): string {
  assert(answer?.kind === "refused", `refused, not ${answer?.kind}`);
  return answer.code;
}

/**
 * Alice, who has bound the queue `q` to the exchange `x` with the key `k`, and bob, to whom messages go
 * by default.
 */
export function bound(
  options: Partial<QueueOptions> = {},
  limits: Partial<Limits> = {},
): [CoreDriver, CoreClient, CoreClient] {
  const driver = new CoreDriver(limits);
  const alice = driver.connect("alice");
  alice.bind("q", "x", "k", options);
  return [driver, alice, driver.connect("bob")];
}
