/**
 * A stand-in for the original `Sender.py`, exact on the wire.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  type OriginalConfig,
  OriginalConnection,
  type OriginalEnvelope,
  pythonJson,
  seal,
} from "./original_protocol.ts";

/** How often the original sends a batch again. */
const RETRIES = 3;

/** What became of a batch. */
export interface SentBatch {
  /** The ids in the order of their ACK lines, as often as they came. */
  acknowledged: string[];
  /** Lines that were no ACK. */
  others: string[];
  /** How often the batch went out, the first time included. */
  attempts: number;
}

/** Sends as the original does. */
export class OriginalSender {
  readonly #config: OriginalConfig;
  readonly #resendMs: number;

  /** Uses a `config.json`. A batch whose ACKs are missing goes out again after `resendMs`. */
  constructor(config: OriginalConfig, resendMs = 10_000) {
    this.#config = config;
    this.#resendMs = resendMs;
  }

  /** Asks for a receiver's key on a connection of its own. */
  async getKey(receiver: string): Promise<Uint8Array> {
    const connection = await OriginalConnection.open(this.#config);
    connection.send(`get_key ${receiver}`);
    const reply = await connection.readLine(this.#resendMs);
    await connection.close();
    const prefix = "Public key: ";
    if (!reply?.startsWith(prefix)) throw new Error(`no key for ${receiver}: ${reply}`);
    return Uint8Array.from(Buffer.from(reply.slice(prefix.length), "base64"));
  }

  /** Encrypts `texts` for `receiver`, one id each. */
  async encrypt(receiver: string, texts: readonly string[]): Promise<OriginalEnvelope[]> {
    const key = await this.getKey(receiver);
    return texts.map((text) => seal(text, crypto.randomUUID(), receiver, key));
  }

  /** Publishes in one `publish_batch` and waits for each ACK. */
  async sendBatch(envelopes: readonly OriginalEnvelope[]): Promise<SentBatch> {
    const { exchange_name, routing_key } = this.#config;
    const line = `publish_batch ${exchange_name} ${routing_key} ${pythonJson(envelopes)}`;
    return await this.#deliver(line, envelopes);
  }

  /** Publishes one message in the single form. */
  async sendOne(envelope: OriginalEnvelope): Promise<SentBatch> {
    const { exchange_name, routing_key } = this.#config;
    const line = `publish ${exchange_name} ${routing_key} ${pythonJson(envelope)}`;
    return await this.#deliver(line, [envelope]);
  }

  async #deliver(line: string, envelopes: readonly OriginalEnvelope[]): Promise<SentBatch> {
    const connection = await OriginalConnection.open(this.#config);
    const missing = new Set(envelopes.map(({ message_id }) => message_id));
    const sent: SentBatch = { acknowledged: [], others: [], attempts: 0 };
    try {
      while (missing.size > 0 && sent.attempts <= RETRIES) {
        sent.attempts++;
        connection.send(line);
        await this.#readAcks(connection, missing, sent);
      }
    } finally {
      await connection.close();
    }
    return sent;
  }

  async #readAcks(
    connection: OriginalConnection,
    missing: Set<string>,
    sent: SentBatch,
  ): Promise<void> {
    const endMs = performance.now() + this.#resendMs;
    while (missing.size > 0) {
      const reply = await connection.readLine(Math.max(0, endMs - performance.now()));
      if (reply === undefined) return;
      if (!reply.startsWith("ACK ")) {
        sent.others.push(reply);
        continue;
      }
      sent.acknowledged.push(reply.slice(4));
      missing.delete(reply.slice(4));
    }
  }
}
