/**
 * Where a receiver's messages go. A message is acknowledged once its sink has accepted it.
 *
 * - {@linkcode HandlerSink} with a `DurableInbox`: a function gets each message, once unless the
 *   process dies between the function and the inbox.
 * - {@linkcode MessageSink}, written by yourself: what you do with a message and the memory that you
 *   did it are one transaction of your own, so that even then it is done once.
 *
 * @module
 */
import { type Clock, systemClock } from "../base/clock.ts";
import type { Inbox } from "./inbox.ts";

/** One decrypted message. */
export interface OpenedMessage {
  /** The sender's id for it. */
  readonly id: string;
  /** What it says. */
  readonly text: string;
  /**
   * Tells it from every other message, also from one of another sender under the same id: 38 printable
   * ASCII characters. A message that a broker delivers under another id has the same one.
   */
  readonly key: string;
}

/**
 * Takes messages over, in order, one batch at a time. What it has accepted it knows for good, also
 * after a crash: a message that comes again is not handed over again.
 *
 * @example Bring your own transaction: the message and its key are stored together, or neither is
 * ```ts
 * import assert from "node:assert/strict";
 * import { DatabaseSync } from "node:sqlite";
 * import type { MessageSink, OpenedMessage } from "./sink.ts";
 *
 * class OrderTable implements MessageSink {
 *   readonly #db: DatabaseSync;
 *
 *   constructor(path: string) {
 *     this.#db = new DatabaseSync(path);
 *     this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
 *     this.#db.exec("CREATE TABLE IF NOT EXISTS orders(key TEXT PRIMARY KEY, text TEXT) STRICT");
 *   }
 *
 *   has(key: string): boolean {
 *     return this.#db.prepare("SELECT 1 FROM orders WHERE key = ?").get(key) !== undefined;
 *   }
 *
 *   accept(messages: readonly OpenedMessage[]): void {
 *     this.#db.exec("BEGIN IMMEDIATE");
 *     try {
 *       const insert = this.#db.prepare("INSERT INTO orders(key, text) VALUES(?, ?)");
 *       for (const { key, text } of messages) insert.run(key, text);
 *       this.#db.exec("COMMIT");
 *     } catch (error) {
 *       this.#db.exec("ROLLBACK");
 *       throw error; // Stops the receiver: nothing of these is acknowledged, so they come again.
 *     }
 *   }
 *
 *   close(): void {
 *     this.#db.close();
 *   }
 * }
 *
 * // What `Receiver.start({ sink, … })` does with it:
 * const sink = new OrderTable(":memory:");
 * const key = "yJBrPyaw+zJcLBZ4f+f0aGVzZXMgaXMgYSB0YW";
 * sink.accept([{ id: "1", text: "3 apples", key }]);
 * assert(sink.has(key));
 * sink.close();
 * ```
 */
export interface MessageSink {
  /** Whether the message was accepted before. */
  has(key: string): boolean;
  /** Takes messages that it does not have; done means that they are safe. Throws to stop the receiver. */
  accept(messages: readonly OpenedMessage[]): void | Promise<void>;
  /** Releases what it holds. Nothing is accepted afterwards. */
  close(): void;
}

/** Does what is to be done with messages; when it returns or resolves, it is done. */
export type MessageHandler = (messages: readonly OpenedMessage[]) => void | Promise<void>;

/**
 * Hands messages to a function and remembers them in an inbox afterwards. A crash between the two
 * makes the function see the messages of that batch again.
 */
export class HandlerSink implements MessageSink {
  readonly #handler: MessageHandler;
  readonly #inbox: Inbox;
  readonly #clock: Clock;

  /** Joins a function and the inbox that remembers what it did. */
  constructor(handler: MessageHandler, inbox: Inbox, clock: Clock = systemClock) {
    this.#handler = handler;
    this.#inbox = inbox;
    this.#clock = clock;
  }

  /** Whether the inbox has it. */
  has(key: string): boolean {
    return this.#inbox.has(key);
  }

  /** Waits for the function, then for the inbox. */
  async accept(messages: readonly OpenedMessage[]): Promise<void> {
    await this.#handler(messages);
    this.#inbox.add(messages.map((message) => message.key), this.#clock.now().wallMs);
  }

  /** Closes the inbox. */
  close(): void {
    this.#inbox.close();
  }
}
