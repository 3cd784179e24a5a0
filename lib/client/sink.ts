/**
 * Where a receiver's messages go. A message is acknowledged once its sink has accepted it.
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
  /** Tells it from every other message, also from one of another sender under the same id. */
  readonly key: string;
}

/**
 * Takes messages over, in order, one batch at a time. What it has accepted it knows for good, also
 * after a crash: a message that comes again is not handed over again.
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
