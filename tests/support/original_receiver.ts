/**
 * A stand-in for the original `Receiver.py`, exact on the wire.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  open,
  type OriginalConfig,
  OriginalConnection,
  type OriginalEnvelope,
  type OriginalKeys,
  pythonJson,
} from "./original_protocol.ts";

/** How often the original sends an `ack` whose confirmation is missing. */
const ACK_ATTEMPTS = 3;
const PUSHED = "Message: ";

/** Who receives, and how patiently. */
export interface OriginalReceiverOptions {
  config: OriginalConfig;
  /** The Common Name of its certificate. */
  clientId: string;
  keys: OriginalKeys;
  /** The JSON Lines file that it appends to. */
  output: string;
  /** How long it waits for a reply before it asks again. */
  retryMs?: number;
}

/** Receives as the original does. */
export class OriginalReceiver {
  /** Texts that were written, by message id. */
  readonly received = new Map<string, string>();
  /** Messages that came again. */
  duplicates = 0;
  readonly #options: OriginalReceiverOptions;
  readonly #retryMs: number;
  readonly #connection: OriginalConnection;
  readonly #pushed: string[] = [];

  private constructor(options: OriginalReceiverOptions, connection: OriginalConnection) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? 10_000;
    this.#connection = connection;
  }

  /** Connects, registers its key, declares, binds and consumes: one command at a time. */
  static async start(options: OriginalReceiverOptions): Promise<OriginalReceiver> {
    const { config, clientId, keys } = options;
    const receiver = new OriginalReceiver(options, await OriginalConnection.open(config));
    const { queue_name: queue, exchange_name: exchange, routing_key: key } = config;
    const publicKey = Buffer.from(keys.publicKey).toString("base64");
    try {
      await receiver.#ask(`register_key ${clientId} ${publicKey}`, "Public key registered");
      await receiver.#ask(`declare_queue ${queue}`, "Queue declared");
      await receiver.#ask(`declare_exchange ${exchange}`, "Exchange declared");
      await receiver.#ask(`bind ${queue} ${exchange} ${key}`, "Queue bound");
      await receiver.#ask(`consume ${queue}`, "Subscribed to queue");
    } catch (error) {
      await receiver.close();
      throw error;
    }
    return receiver;
  }

  /** Works until `count` messages are written, and throws if they are not there `withinMs`. */
  async receive(count: number, withinMs = 60_000): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (this.received.size < count) {
      const pushed = this.#pushed.shift() ??
        await this.#connection.readLine(Math.max(0, endMs - performance.now()));
      if (pushed === undefined) {
        throw new Error(`${this.received.size} of ${count} messages came in ${withinMs} ms`);
      }
      if (pushed.startsWith(PUSHED)) await this.#handle(pushed);
    }
  }

  /** Closes, and returns when it is closed. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #handle(pushed: string): Promise<void> {
    const [id = "", json = ""] = splitOnce(pushed.slice(PUSHED.length));
    const envelope = JSON.parse(json) as OriginalEnvelope;
    if (this.received.has(envelope.message_id)) this.duplicates++;
    else this.#write(envelope);
    for (let attempt = 1;; attempt++) {
      const confirmed = await this.#reply(`ack ${id}`);
      if (confirmed === `ACK_CONFIRMED ${id}`) return;
      if (attempt === ACK_ATTEMPTS) throw new Error(`ack ${id} got ${confirmed}`);
    }
  }

  #write(envelope: OriginalEnvelope): void {
    const message = open(envelope, this.#options.keys);
    this.received.set(envelope.message_id, message);
    const timestamp = Date.now() / 1000;
    const line = pythonJson({ message_id: envelope.message_id, message, timestamp });
    Deno.writeTextFileSync(this.#options.output, `${line}\n`, { append: true });
  }

  async #ask(command: string, expected: string): Promise<void> {
    const reply = await this.#reply(command);
    if (reply !== expected) throw new Error(`${command.split(" ")[0]} got ${reply}`);
  }

  /** Sends one command and waits for its reply line; messages that come before it wait their turn. */
  async #reply(command: string): Promise<string | undefined> {
    this.#connection.send(command);
    while (true) {
      const line = await this.#connection.readLine(this.#retryMs);
      if (!line?.startsWith(PUSHED)) return line;
      this.#pushed.push(line);
    }
  }
}

function splitOnce(text: string): [string, string] {
  const space = text.indexOf(" ");
  return [text.slice(0, space), text.slice(space + 1)];
}
