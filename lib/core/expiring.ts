/**
 * The row of messages that will expire.
 *
 * @module
 */
import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

/** Messages that left in time are dropped from the row when there are so many, and half of it. */
const MIN_LEFT = 1024;

/**
 * Messages with a time to live, the one that expires next first, and those of one receiver that expire
 * together in their order.
 */
export class Expiring {
  readonly #messages = new Heap<Message>((one, other) =>
    one.expiresMs < other.expiresMs || (one.expiresMs === other.expiresMs && one.seq < other.seq)
  );
  /** Those whose time was over while somebody held them. */
  readonly #held = new Set<Message>();
  /** How many may have left in time and be in the row still. */
  #left = 0;

  /** How many messages are kept, some that have left included. */
  get length(): number {
    return this.#messages.length + this.#held.size;
  }

  /** Takes in a message, if it will ever expire. */
  add(message: Message): void {
    if (message.expiresMs > 0) this.#messages.push(message);
  }

  /** Forgets a message that left its queue. Most leave in time, and are not kept until it is over. */
  remove(message: Message): void {
    if (message.expiresMs === 0 || this.#held.delete(message)) return;
    this.#left++;
    if (this.#left < MIN_LEFT || this.#left * 2 < this.#messages.length) return;
    this.#messages.retain((one) => !one.removed);
    this.#left = 0;
  }

  /** Takes the next message whose time is over at `wallMs` from the row. It may be held, or have left. */
  take(wallMs: number): Message | undefined {
    const message = this.#messages.peek();
    if (message === undefined || message.expiresMs > wallMs) return undefined;
    this.#messages.pop();
    if (!message.removed && message.lease !== undefined) this.#held.add(message);
    return message;
  }

  /** Whether a message's time is over at `wallMs`, or was before the clock jumped back. */
  isOver(message: Message, wallMs: number): boolean {
    return message.expiresMs > 0 && (message.expiresMs <= wallMs || this.#held.has(message));
  }
}
