/**
 * What is in a queue and among its dead letters, and brokers killed while either changes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { messageId, publishBatch, queued } from "./commands.ts";
import { PATIENCE_MS, type Program } from "./processes.ts";
import type { RawClient } from "./raw_client.ts";
import { moment } from "./waiting.ts";
import type { Workspace } from "./workspace.ts";

/** A dead letter as `dead_letters` lists it. */
export interface ListedLetter {
  readonly id: string;
  readonly publisher: string;
  readonly exchange: string;
  readonly routing_key: string;
  readonly queue: string;
  readonly reason: string;
  readonly text: string;
  readonly deliveries: number;
  readonly at_ms: number;
}

/** The dead letters of a queue that wait for the client, at most 100. */
export async function deadLetters(client: RawClient, queue: string): Promise<ListedLetter[]> {
  const reply = await client.ask(`dead_letters ${queue}`) ?? "";
  assert(reply.startsWith("Dead letters: "), reply);
  return JSON.parse(reply.slice("Dead letters: ".length));
}

/** Asks until `ask` gives something, with pauses, because nobody is told when time is over. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS;
  while (true) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endMs) throw new Error(`${what}: not in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The ids of the next `count` messages that are pushed. */
export async function pushed(client: RawClient, count: number): Promise<string[]> {
  return (await client.lines(count)).map(messageId);
}

/** Declares a queue with options, and binds it to the exchange `ciphermq` under its own name. */
export async function declare(client: RawClient, queue: string, options = ""): Promise<void> {
  const declaration = options === "" ? queue : `${queue} ${options}`;
  assert.equal(await client.ask("declare_exchange ciphermq"), "Exchange declared");
  assert.equal(await client.ask(`declare_queue ${declaration}`), "Queue declared");
  assert.equal(await client.ask(`bind ${queue} ciphermq ${queue}`), "Queue bound");
}

/** Publishes messages for `receiver_1` to its queue, and reads their ACKs. */
export async function publishAll(client: RawClient, ids: readonly string[]): Promise<void> {
  await client.write(publishBatch(ids));
  assert.deepEqual(await client.lines(ids.length), ids.map((id) => `ACK ${id}`));
}

/** `<prefix>0`, `<prefix>1`, … */
export function idsOf(count: number, prefix = "m-"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/**
 * The ids of all that waits for `receiver_1` in its queue, in order, on a connection of its own. No other
 * queue but that of its dead letters has any.
 */
export async function waitingIn(workspace: Workspace): Promise<string[]> {
  const client = await workspace.connect("receiver_1");
  const count = await queued(client) - (await deadLetters(client, "receiver_1")).length;
  assert.equal(await client.ask("consume receiver_1 10000"), "Subscribed to queue");
  const ids = await pushed(client, count);
  assert.equal(await client.ask("heartbeat"), "HEARTBEAT_OK");
  client.close();
  return ids;
}

/** Says commands one by one, and kills the broker amid them; gives the replies that came. */
export async function killAmid(
  broker: Program,
  client: RawClient,
  commands: readonly string[],
): Promise<string[]> {
  const writing = (async () => {
    for (const command of commands) {
      await client.write(`${command}\n`);
      await moment(2);
    }
  })().catch(() => {});
  const first = await client.line();
  await moment(40);
  await broker.kill();
  await writing;
  const rest = await client.rest();
  // What stands behind the last line end is no whole reply.
  return [first ?? "", ...rest.split("\n").slice(0, -1)];
}
