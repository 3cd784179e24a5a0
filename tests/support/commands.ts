/**
 * Command lines as an original client writes them, for clients that say them by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { pythonJson } from "./original_protocol.ts";
import type { RawClient } from "./raw_client.ts";

const EXCHANGE = "ciphermq";

/** What a message may be besides its id. */
export interface MessageOptions {
  /** Whom it is for; its queue and routing key have the same name. Default `receiver_1`. */
  receiver?: string;
  /** Bytes of its ciphertext. Default 30. */
  bytes?: number;
  /** What its ciphertext is filled with besides its id. */
  filling?: string;
}

/**
 * The JSON of an envelope that nobody can open, which the broker cannot know. The same arguments
 * give the same envelope.
 */
export function envelopeText(id: string, options: MessageOptions = {}): string {
  const { receiver = "receiver_1", bytes = 30, filling = "." } = options;
  return pythonJson({
    message_id: id,
    receiver_client_id: receiver,
    enc_session_key: Buffer.alloc(80, 1).toString("base64"),
    nonce: Buffer.alloc(12, 2).toString("base64"),
    tag: Buffer.alloc(16, 3).toString("base64"),
    ciphertext: Buffer.from(id.padEnd(bytes, filling)).toString("base64"),
  });
}

/** A `publish` line to the queue of its receiver. */
export function publish(id: string, options: MessageOptions = {}): string {
  return `publish ${EXCHANGE} ${options.receiver ?? "receiver_1"} ${envelopeText(id, options)}\n`;
}

/** A `publish_batch` line to the queue of its receiver. */
export function publishBatch(ids: readonly string[], options: MessageOptions = {}): string {
  const envelopes = ids.map((id) => envelopeText(id, options)).join(", ");
  return `publish_batch ${EXCHANGE} ${options.receiver ?? "receiver_1"} [${envelopes}]\n`;
}

/** Declares and binds the queues of receivers. */
export async function declareQueues(client: RawClient, ...receivers: string[]): Promise<void> {
  assert.equal(await client.ask(`declare_exchange ${EXCHANGE}`), "Exchange declared");
  for (const receiver of receivers) {
    assert.equal(await client.ask(`declare_queue ${receiver}`), "Queue declared");
    assert.equal(await client.ask(`bind ${receiver} ${EXCHANGE} ${receiver}`), "Queue bound");
  }
}

/** Begins to consume the queue of a receiver. */
export async function consume(client: RawClient, receiver = "receiver_1"): Promise<void> {
  assert.equal(await client.ask(`consume ${receiver}`), "Subscribed to queue");
}

/** The id of a `Message:` line. */
export function messageId(line: string | undefined): string {
  const id = /^Message: (\S+) \{/.exec(line ?? "")?.[1];
  if (id === undefined) throw new Error(`no message, but: ${line?.slice(0, 200)}`);
  return id;
}

/** Takes and acknowledges all messages that a queue has; gives their ids. No other queue has any. */
export async function drain(client: RawClient, receiver = "receiver_1"): Promise<string[]> {
  const ids = await take(client, receiver, await queued(client));
  assert.equal(await queued(client), 0);
  return ids;
}

/** Consumes a queue until `count` messages of it are acknowledged; gives their ids. */
export async function take(client: RawClient, queue: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  await consume(client, queue);
  for (let confirmed = 0; confirmed < count;) {
    const line = await client.line();
    if (line?.startsWith("ACK_CONFIRMED ")) {
      confirmed++;
      continue;
    }
    ids.push(messageId(line));
    await client.write(`ack ${ids.at(-1)}\n`);
  }
  return ids;
}

/** Messages that the broker has in a queue; without its name, in all of them. */
export async function queued(client: RawClient, queue?: string): Promise<number> {
  const reply = (await client.ask("stats")) ?? "";
  const { queues } = JSON.parse(reply.slice("Stats: ".length)) as { queues: [string, number][] };
  const counted = queues.filter(([name]) => queue === undefined || name === queue);
  return counted.reduce((sum, [, messages]) => sum + messages, 0);
}
