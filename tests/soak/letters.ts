/**
 * Messages that are rejected, delivered too often or wait too long, and come back or are removed.
 *
 * @module
 */
import { publishBatch } from "../support/commands.ts";
import { deadLetters, declare, eventually, idsOf } from "../support/queues.ts";
import type { RawClient } from "../support/raw_client.ts";
import { expect, takeAll } from "./routes.ts";
import { requireSame } from "../support/promises.ts";
import type { Activity, World } from "./world.ts";

const IDENTITY = "letters";
const EACH = 8;
const TTL_MS = 60;

/** Lets messages die in each way, and takes or purges them. */
export class Letters implements Activity {
  readonly name = "rounds of dead letters";
  readonly restMs = 200;
  readonly #world: World;
  #rounds = 0;

  /** In `world`. */
  constructor(world: World) {
    this.#world = world;
  }

  async round(): Promise<void> {
    const client = await this.#world.connect(IDENTITY);
    try {
      await declare(client, IDENTITY, "max_deliveries=2 ttl_ms=0 expired=dead");
      await client.ask(`purge ${IDENTITY} force`);
      await client.ask(`purge ${IDENTITY}.dead force`);
      const rejected = await this.#publish(client, "rejected");
      for (const id of rejected) await this.#fetched(client, id, `nack ${id} dead no use`);
      const spent = await this.#publish(client, "spent");
      for (const id of spent) {
        await this.#fetched(client, id, `nack ${id}`);
        await this.#fetched(client, id, `nack ${id}`);
      }
      await declare(client, IDENTITY, `ttl_ms=${TTL_MS}`);
      const expired = await this.#publish(client, "expired");
      await declare(client, IDENTITY, "ttl_ms=0");
      const dead = [...rejected, ...spent, ...expired];
      await untilDead(client, dead);
      await this.#revive(client, dead);
    } finally {
      client.close();
    }
  }

  async #publish(client: RawClient, why: string): Promise<string[]> {
    const ids = idsOf(EACH, `${why}-${this.#rounds++}-`);
    await client.write(publishBatch(ids, { receiver: IDENTITY }));
    requireSame(why, await client.lines(EACH), ids.map((id) => `ACK ${id}`));
    this.#world.count("messages that died", EACH);
    return ids;
  }

  async #fetched(client: RawClient, id: string, command: string): Promise<void> {
    requireSame("fetched", [(await client.ask(`fetch ${IDENTITY}`))!.split(" ")[1]!], [id]);
    await expect(client, command, `NACK_CONFIRMED ${id}`);
  }

  /** Half of the rounds give them back to their queue, the others remove them. */
  async #revive(client: RawClient, dead: readonly string[]): Promise<void> {
    if (this.#rounds % 2 === 0) {
      await expect(client, `purge ${IDENTITY}.dead force`, `Queue purged: ${dead.length}`);
      return;
    }
    await expect(client, `redrive ${IDENTITY}`, `Redriven: ${dead.length}`);
    requireSame("redriven", await takeAll(client, IDENTITY), dead);
  }
}

async function untilDead(client: RawClient, ids: readonly string[]): Promise<void> {
  await eventually("dead letters", async () => {
    return (await deadLetters(client, IDENTITY)).length >= ids.length ? true : undefined;
  });
  const found = (await deadLetters(client, IDENTITY)).map(({ id }) => id);
  requireSame("dead letters", found, ids);
}
