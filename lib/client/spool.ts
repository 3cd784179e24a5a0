/**
 * Where a sender keeps what was handed over until the broker has it, so that it survives the sender.
 *
 * @module
 */
import type { OutgoingMessage } from "./sender_window.ts";

/** A sealed message that a spool keeps. */
export interface SpooledMessage extends OutgoingMessage {
  /** Its place; messages are sent in the order of their places. */
  readonly place: number;
}

/** A durable store of sealed messages, in order. */
export interface Spool {
  /** How many messages it keeps. */
  readonly size: number;
  /**
   * Keeps messages behind all others; they are safe when it returns. Gives the place of the first;
   * the others follow it. Throws `storage`, and keeps none of them then.
   */
  add(messages: readonly OutgoingMessage[]): number;
  /** Up to `limit` of the messages it keeps whose places come after `place`, in order. */
  after(place: number, limit: number): SpooledMessage[];
  /** Drops messages that the broker has. A removal may be undone by a power cut. Throws `storage`. */
  remove(places: readonly number[]): void;
  /** Releases what it holds. */
  close(): void;
}
