/**
 * What a history is about: the broker's limits, its exchanges and queues, and who sends and receives.
 * One seed decides; nothing of it changes later, whatever `meddler.ts` adds to it.
 *
 * @module
 */
import type { Limits } from "../../lib/base/limits.ts";
import type { QueueOptions } from "../../lib/base/queue_options.ts";
import type { Change } from "../../lib/core/effect.ts";
import { type BindingPlan, Bindings } from "./bindings.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";

/** A real receiver's place. */
export interface ReceiverPlan {
  readonly identity: string;
  readonly queue: string;
  readonly prefetch: number;
  readonly maxBatch: number;
}

/** Where something may be published to. */
export interface RoutePlan {
  readonly exchange: string;
  readonly key: string;
  /** The queues that take it. */
  readonly queues: readonly string[];
}

/** A queue and how it was declared. */
export interface QueuePlan {
  readonly name: string;
  readonly options: Partial<QueueOptions>;
}

const PATTERNS = ["a.*", "#", "a.#", "*.b", "a.b"];
const TOPICS = ["a.b", "a.c", "c.b", "a"];
const DAY_MS = 24 * 60 * 60 * 1000;

/** One history's world. */
export class Scenario {
  readonly limits: Partial<Limits>;
  readonly queues: readonly QueuePlan[];
  readonly receivers: readonly ReceiverPlan[];
  /** How many real senders; those below `spooled` have a spool. */
  readonly senders: number;
  readonly spooled: number;
  /** How many publishers that speak the protocol by themselves. */
  readonly rawPublishers: number;
  readonly bindings: readonly BindingPlan[];
  readonly routes: readonly RoutePlan[];
  /** Whether there is a queue that comes and goes. */
  readonly isMeddled: boolean;

  /** Draws one. */
  constructor(random: SeededEntropy, isMeddled = false) {
    this.isMeddled = isMeddled;
    this.limits = drawLimits(random);
    this.queues = Array.from({ length: 1 + random.below(4) }, (_, n) => drawQueue(random, n));
    const identities = 1 + random.below(4);
    this.receivers = drawReceivers(random, identities, this.queues);
    this.senders = 1 + random.below(2);
    this.spooled = random.below(this.senders + 1);
    this.rawPublishers = 1 + random.below(2);
    this.bindings = this.#drawBindings(random);
    this.routes = this.#findRoutes();
  }

  /** The receivers' names. */
  get identities(): string[] {
    return [...new Set(this.receivers.map(({ identity }) => identity))];
  }

  /** What was told of a queue; nothing for a dead-letter queue. */
  queue(name: string): QueuePlan | undefined {
    return this.queues.find((queue) => queue.name === name);
  }

  /** How long a lease lasts, the same everywhere, in milliseconds. */
  get ackTimeoutMs(): number {
    return this.limits.ackTimeoutMs!;
  }

  /** All of it as what a broker left on its disk. */
  changes(): Change[] {
    return [
      { kind: "exchange_declared", exchange: "d", exchangeKind: "direct" },
      { kind: "exchange_declared", exchange: "t", exchangeKind: "topic" },
      { kind: "exchange_declared", exchange: "f", exchangeKind: "fanout" },
      ...this.queues.map(({ name, options }): Change => ({
        kind: "queue_declared",
        queue: name,
        options,
      })),
      ...this.bindings,
    ];
  }

  #drawBindings(random: SeededEntropy): BindingPlan[] {
    const bindings: BindingPlan[] = [];
    const bind = (queue: string, exchange: string, routingKey: string) =>
      bindings.push({ kind: "bound", queue, exchange, routingKey });
    for (const { queue, identity } of this.receivers) bind(queue, "d", identity);
    for (const { name } of this.queues) {
      if (random.chance(0.3)) bind(name, "d", random.pick(this.identities));
      if (random.chance(0.7)) bind(name, "t", random.pick(PATTERNS));
      if (random.chance(0.4)) bind(name, "t", random.pick(PATTERNS));
      if (random.chance(0.5)) bind(name, "f", "all");
    }
    return bindings;
  }

  #findRoutes(): RoutePlan[] {
    const bindings = new Bindings(this.bindings);
    const routes = [
      ...this.identities.map((key) => ({ exchange: "d", key })),
      ...TOPICS.map((key) => ({ exchange: "t", key })),
      { exchange: "f", key: "any" },
    ].map(({ exchange, key }) => ({ exchange, key, queues: bindings.takers(exchange, key) }));
    return routes.filter(({ queues }) => queues.length > 0);
  }
}

function drawLimits(random: SeededEntropy): Partial<Limits> {
  const maxLineBytes = random.pick([3_000, 6_000, 16_000]);
  return {
    maxLineBytes,
    maxMessageBytes: 1_000,
    maxIncomingBytes: random.pick([2, 4, 100]) * maxLineBytes,
    maxBatchMessages: 8,
    defaultPrefetch: 4,
    maxPrefetch: random.pick([3, 20, 1_000]),
    maxPrefetchBytes: random.pick([1_500, 8_000, 1_000_000]),
    maxUnsentBytes: random.pick([1_000, 4_000, 1_000_000]),
    maxWaitingCommands: random.pick([2, 10, 1_000]),
    maxWaitingBytes: random.pick([2_000, 1_000_000]),
    ackTimeoutMs: random.pick([600, 1_500]),
    maxDeliveries: random.pick([0, 3, 20]),
    lineTimeoutMs: random.pick([500, 2_000]),
    duplicateHorizonMs: random.pick([4_000, DAY_MS]),
  };
}

function drawQueue(random: SeededEntropy, number: number): QueuePlan {
  const options = {
    ...(random.chance(0.3) && { maxDeliveries: random.pick([0, 2, 5]) }),
    ...(random.chance(0.2) && { ttlMs: random.pick([200, 1_000]) }),
    ...(random.chance(0.4) && { expired: random.pick(["dead", "remove"] as const) }),
    ...(random.chance(0.25) && { maxMessages: random.pick([3, 10, 25]) }),
  };
  return { name: `q${number}`, options };
}

function drawReceivers(
  random: SeededEntropy,
  identities: number,
  queues: readonly QueuePlan[],
): ReceiverPlan[] {
  const plan = (identity: string): ReceiverPlan => ({
    identity,
    queue: random.pick(queues).name,
    prefetch: random.pick([1, 4, 32]),
    maxBatch: random.pick([1, 3, 32]),
  });
  const receivers = Array.from({ length: identities }, (_, n) => plan(`r${n}`));
  // Two of one identity, at the same queue or not.
  if (identities < 4 && random.chance(0.3)) receivers.push(plan("r0"));
  return receivers;
}
