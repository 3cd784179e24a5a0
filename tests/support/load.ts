/**
 * A publisher and a consumer that go on through every restart of the broker, and know exactly what
 * they were told.
 *
 * @module
 */
import { messageId, publishBatch } from "./commands.ts";
import type { RawClient } from "./raw_client.ts";

const BATCH = 10;
/** Messages without an ACK. */
const WINDOW = 30;
/** Between two batches, so that restarts are met by a stream and not by a mountain. */
const PAUSE_MS = 4;
const RETRY_MS = 10;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Opens a connection; it rejects while there is no broker. */
export type Connect = () => Promise<RawClient>;

/** Runs `converse` on one connection after the other until it says that it is done. */
async function persist(
  connect: Connect,
  converse: (client: RawClient) => Promise<"done" | "cut">,
): Promise<void> {
  while (true) {
    let client;
    try {
      client = await connect();
    } catch {
      await pause(RETRY_MS);
      continue;
    }
    const outcome = await converse(client);
    client.close();
    if (outcome === "done") return;
  }
}

/** Publishes batches with a window, and sends again whatever has no ACK. */
export class LoadPublisher {
  /** Ids that were ACKed, in the order of their first ACK. */
  readonly acked = new Set<string>();
  /** Messages that were sent more than once. */
  resent = 0;
  /** Answers other than ACK; the first one ends it. */
  readonly refusals: string[] = [];
  /** Resolves when it was told to stop and all it sent is ACKed. */
  readonly done: Promise<void>;
  readonly #receiver: string;
  readonly #prefix: string;
  readonly #unacked: Map<string, string[]> = new Map();
  #batches = 0;
  #stopped = false;

  /** Publishes to the queue of `receiver` at once; its ids begin with `prefix`. */
  constructor(connect: Connect, receiver: string, prefix = "m") {
    this.#receiver = receiver;
    this.#prefix = prefix;
    this.done = persist(connect, (client) => this.#converse(client));
  }

  /** Sends nothing new. */
  stop(): void {
    this.#stopped = true;
  }

  async #converse(client: RawClient): Promise<"done" | "cut"> {
    for (const ids of new Set(this.#unacked.values())) {
      this.resent += ids.length;
      await this.#send(client, ids);
    }
    while (true) {
      while (!this.#stopped && this.#unacked.size < WINDOW) await this.#sendNew(client);
      if (this.#unacked.size === 0) return "done";
      const line = await client.line();
      if (line === undefined) return "cut";
      if (!line.startsWith("ACK ")) return this.#refused(line);
      this.acked.add(line.slice(4));
      this.#unacked.delete(line.slice(4));
    }
  }

  #refused(line: string): "done" {
    this.refusals.push(line);
    return "done";
  }

  async #sendNew(client: RawClient): Promise<void> {
    const first = this.#batches++ * BATCH;
    const ids = Array.from({ length: BATCH }, (_, i) => `${this.#prefix}-${first + i}`);
    for (const id of ids) this.#unacked.set(id, ids);
    await this.#send(client, ids);
    await pause(PAUSE_MS);
  }

  /** What is cut off here is noticed when reading. */
  async #send(client: RawClient, ids: readonly string[]): Promise<void> {
    await client.write(publishBatch(ids, { receiver: this.#receiver })).catch(() => {});
  }
}

/** Consumes and acknowledges each message. */
export class LoadConsumer {
  /** Ids in the order of their first delivery. */
  readonly delivered = new Set<string>();
  /** Ids whose ack was confirmed. */
  readonly confirmed = new Set<string>();
  /** Ids that were delivered although their ack had been confirmed. */
  readonly deliveredAgain: string[] = [];
  /** Answers to `consume` that are none of a subscription; the first one ends it. */
  readonly refusals: string[] = [];
  /** Resolves when it was told how many there are and all are confirmed. */
  readonly done: Promise<void>;
  readonly #receiver: string;
  readonly #connect: Connect;
  #connection: RawClient | undefined;
  #count = Infinity;

  /** Consumes the queue of `receiver` at once. */
  constructor(connect: Connect, receiver: string) {
    this.#receiver = receiver;
    this.#connect = connect;
    this.done = persist(this.#connect, (client) => this.#converse(client));
  }

  /** Whether the ack of every message that it was given is confirmed. */
  get isSettled(): boolean {
    return this.confirmed.size >= this.delivered.size;
  }

  /** Ends when `count` messages are confirmed. */
  finish(count: number): void {
    this.#count = count;
    if (this.#isFinished) this.#connection?.close();
  }

  get #isFinished(): boolean {
    return this.confirmed.size >= this.#count;
  }

  async #converse(client: RawClient): Promise<"done" | "cut"> {
    this.#connection = client;
    const answer = await client.ask(`consume ${this.#receiver}`).catch(() => undefined);
    if (answer !== undefined && answer !== "Subscribed to queue") this.refusals.push(answer);
    if (this.refusals.length > 0) return "done";
    // Those acks may be on disk although nobody said so: then the message does not come again.
    for (const id of this.delivered) if (!this.confirmed.has(id)) await this.#ack(client, id);
    for (let open = answer !== undefined; open && !this.#isFinished;) {
      const line = await client.line().catch(() => undefined);
      open = line !== undefined;
      // It was not on disk, and the message is on its way again.
      if (line === undefined || line.startsWith("Error: ")) continue;
      if (line.startsWith("ACK_CONFIRMED ")) this.confirmed.add(line.slice(14));
      else await this.#take(client, messageId(line));
    }
    return this.#isFinished ? "done" : "cut";
  }

  async #take(client: RawClient, id: string): Promise<void> {
    if (this.confirmed.has(id)) this.deliveredAgain.push(id);
    this.delivered.add(id);
    await this.#ack(client, id);
  }

  async #ack(client: RawClient, id: string): Promise<void> {
    await client.write(`ack ${id}\n`).catch(() => {});
  }
}
