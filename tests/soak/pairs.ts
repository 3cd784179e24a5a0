/**
 * Publishers and consumers that speak the protocol by hand and know what they were told. Some are cut off
 * again and again.
 *
 * Order is asked only of those that are not: who comes back before the broker has noticed that the old
 * connection ended is given what comes next, and afterwards what the old one was given and has not read.
 *
 * @module
 */
import { declareQueues } from "../support/commands.ts";
import { LoadConsumer, LoadPublisher } from "../support/load.ts";
import type { RawClient } from "../support/raw_client.ts";
import { moment, until } from "../support/waiting.ts";
import { requireConsumed, requireNoRefusals, requireOrder } from "../support/promises.ts";
import { type Activity, rest, type World } from "./world.ts";

const ROUND_MS = 20_000;
const CUT_EVERY_MS = 4_000;
/** How long confirmations are waited for that may have been lost with a connection. */
const SETTLE_MS = 600;

/** One publisher and one consumer of a queue, round after round, each with its own ids. */
export class Pair implements Activity {
  readonly name: string;
  readonly restMs = 0;
  readonly #world: World;
  readonly #identity: string;
  readonly #isCut: boolean;
  readonly #connections = new Set<RawClient>();
  #rounds = 0;

  /** Its queue is called like its identity. */
  constructor(world: World, { identity, isCut }: { identity: string; isCut: boolean }) {
    this.name = `rounds of ${identity}`;
    this.#world = world;
    this.#identity = identity;
    this.#isCut = isCut;
  }

  async round(): Promise<void> {
    await this.#declare();
    const connect = () => this.#connect();
    const prefix = `${this.#identity}-${this.#rounds++}`;
    const publisher = new LoadPublisher(connect, this.#identity, prefix);
    const consumer = new LoadConsumer(connect, this.#identity);
    const endMs = performance.now() + ROUND_MS;
    while (performance.now() < endMs && !this.#world.isStopped) {
      await rest(CUT_EVERY_MS);
      await moment(200);
      if (this.#isCut) this.#cut();
    }
    publisher.stop();
    try {
      await publisher.done;
      await until("the queue is drained", () => this.#isDrained(consumer, publisher));
      const settledMs = performance.now() + SETTLE_MS;
      await until("confirmed", () => consumer.isSettled || performance.now() > settledMs);
    } finally {
      consumer.finish(0);
      await consumer.done;
    }
    requireNoRefusals(publisher, consumer);
    requireConsumed(publisher, consumer);
    if (!this.#isCut) requireOrder(publisher, consumer);
    this.#world.count("messages by hand", publisher.acked.size);
    this.#world.count("sent again by hand", publisher.resent);
  }

  async #declare(): Promise<void> {
    const client = await this.#world.connect(this.#identity);
    await declareQueues(client, this.#identity);
    client.close();
  }

  async #connect(): Promise<RawClient> {
    const client = await this.#world.connect(this.#identity);
    this.#connections.add(client);
    return client;
  }

  #cut(): void {
    this.#world.count("connections cut", this.#connections.size);
    for (const client of this.#connections) client.close();
    this.#connections.clear();
  }

  #isDrained(consumer: LoadConsumer, { acked }: LoadPublisher): boolean {
    return consumer.confirmed.size >= acked.size;
  }
}
