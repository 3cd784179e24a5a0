/**
 * Exchanges of every kind with several queues, bodies of many sizes, and topology that comes and goes.
 *
 * @module
 */
import { envelopeText, messageId } from "../support/commands.ts";
import type { RawClient } from "../support/raw_client.ts";
import { matchesTopic } from "../support/topic_rule.ts";
import type { Random } from "../fuzz/random.ts";
import { BrokenPromise, requireSame } from "../support/promises.ts";
import type { Activity, World } from "./world.ts";

const IDENTITY = "router";
const PATTERNS = ["orders.#", "*.paid", "orders.*.paid", "#"];
const WORDS = ["orders", "paid", "eu", "7"];
const MESSAGES = 16;
const MOST_BYTES = 60_000;

/** Publishes to a topic and a fanout exchange and takes what each queue has. */
export class Routes implements Activity {
  readonly name = "rounds of routing";
  readonly restMs = 200;
  readonly #world: World;
  readonly #random: Random;
  #rounds = 0;

  /** Keys and sizes come from `random`. */
  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  async round(): Promise<void> {
    const client = await this.#world.connect(IDENTITY);
    try {
      const topic = `t${this.#rounds++}`;
      await this.#declare(client, topic);
      await this.#publish(client, "router_fanout", () => true);
      await this.#publish(client, topic, matchesTopic);
      await expect(client, `delete_exchange ${topic} force`, "Exchange deleted");
      await expect(client, "delete_queue router-0 force", "Queue deleted");
    } finally {
      client.close();
    }
  }

  async #declare(client: RawClient, topic: string): Promise<void> {
    await expect(client, "declare_exchange router_fanout fanout", "Exchange declared");
    await expect(client, `declare_exchange ${topic} topic`, "Exchange declared");
    for (const [at, pattern] of PATTERNS.entries()) {
      await expect(client, `declare_queue router-${at}`, "Queue declared");
      await client.ask(`purge router-${at} force`);
      await expect(client, `bind router-${at} router_fanout x`, "Queue bound");
      await expect(client, `bind router-${at} ${topic} ${pattern}`, "Queue bound");
    }
  }

  async #publish(
    client: RawClient,
    exchange: string,
    matches: (pattern: string, key: string) => boolean,
  ): Promise<void> {
    const expected: string[][] = PATTERNS.map(() => []);
    for (let n = 0; n < MESSAGES; n++) {
      const id = `${exchange}-${this.#rounds}-${n}`;
      const key = Array.from({ length: this.#random.between(1, 4) }, () => this.#random.pick(WORDS))
        .join(".");
      const bytes = this.#random.oneIn(4) ? this.#random.between(30, MOST_BYTES) : 30;
      const envelope = envelopeText(id, { receiver: IDENTITY, bytes });
      await expect(client, `publish ${exchange} ${key} ${envelope}`, `ACK ${id}`);
      for (const [at, pattern] of PATTERNS.entries()) {
        if (matches(pattern, key)) expected[at]!.push(id);
      }
    }
    for (const [at, ids] of expected.entries()) {
      requireSame(`router-${at} of ${exchange}`, await takeAll(client, `router-${at}`), ids);
      this.#world.count("messages routed", ids.length);
    }
  }
}

/** Fetches and acknowledges all that a queue has. */
export async function takeAll(client: RawClient, queue: string): Promise<string[]> {
  const ids: string[] = [];
  while (true) {
    const line = await client.ask(`fetch ${queue}`);
    if (line === "No messages") return ids;
    ids.push(messageId(line));
    await expect(client, `ack ${ids.at(-1)}`, `ACK_CONFIRMED ${ids.at(-1)}`);
  }
}

/** Throws unless the reply is this one; {@linkcode BrokenPromise} if there is another one. */
export async function expect(client: RawClient, command: string, reply: string): Promise<void> {
  const found = await client.ask(command);
  if (found === reply) return;
  if (found === undefined) throw new Error(`the connection ended before ${reply}`);
  throw new BrokenPromise(`${command.slice(0, 80)}: ${found.slice(0, 200)}, not ${reply}`);
}
