/**
 * A lane: the messages of one queue for one receiver, in order. Lanes are why a receiver that is
 * away never blocks another one in the same queue.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { Fifo } from "../base/fifo.ts";
import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

/** Messages that left otherwise than by their turn are dropped when there are so many, and half of all. */
const MIN_LEFT = 1024;

/** The ordered messages of one (queue, receiver). */
export class Lane {
  /** The queue's name. */
  readonly queue: string;
  /** The identity its messages are addressed to. */
  readonly receiver: string;
  #nextSeq = 0;
  /** The place of the youngest message that was added; a restart gives the next place first. */
  #newestSeq = -1;
  /** Never handed out yet, in order. Every one is younger than every returned one. */
  readonly #fresh = new Fifo<Message>();
  /** Handed out and come back, oldest first. */
  readonly #returned = new Heap<Message>((one, other) => one.seq < other.seq);
  /** How many may have left and be in it still. */
  #left = 0;

  /** Makes an empty lane. */
  constructor(queue: string, receiver: string) {
    this.queue = queue;
    this.receiver = receiver;
  }

  /** The place the next message gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** How many messages it keeps, some that have left included. */
  get length(): number {
    return this.#fresh.length + this.#returned.length;
  }

  /** Leaves out places that were used before a restart. */
  continueAt(nextSeq: number): void {
    this.#nextSeq = Math.max(this.#nextSeq, nextSeq);
  }

  /** Adds the youngest message. */
  append(message: Message): void {
    assert(message.seq > this.#newestSeq, "a lane grows at its end");
    this.#newestSeq = message.seq;
    this.continueAt(message.seq + 1);
    this.#fresh.push(message);
  }

  /** The oldest message that waits, if there is one. */
  peek(): Message | undefined {
    return oldestOf(this.#returned) ?? oldestOf(this.#fresh);
  }

  /** Takes the oldest message that waits, if there is one. */
  take(): Message | undefined {
    if (oldestOf(this.#returned) !== undefined) return this.#returned.pop();
    return oldestOf(this.#fresh) && this.#fresh.shift();
  }

  /** Takes a message back to its place in the order. */
  giveBack(message: Message): void {
    this.#returned.push(message);
  }

  /** A message was removed. With nobody there to take what is left, that must not stay for ever. */
  removed(): void {
    this.#left++;
    if (this.#left < MIN_LEFT || this.#left * 2 < this.length) return;
    for (const message of this.#fresh.drain()) if (!message.removed) this.#fresh.push(message);
    this.#returned.retain((message) => !message.removed);
    this.#left = 0;
  }

  /** Up to `limit` messages that wait and are wanted, in order, from place `from` on. */
  list<T extends Message>(
    from: number,
    limit: number,
    isWanted: (message: Message) => message is T,
  ): T[] {
    const returned = [...this.#returned].toSorted((a, b) => a.seq - b.seq);
    const found: T[] = [];
    for (const messages of [returned, this.#fresh]) {
      for (const message of messages) {
        if (found.length >= limit) return found;
        if (message.seq >= from && !message.removed && isWanted(message)) found.push(message);
      }
    }
    return found;
  }

  /** All messages that wait, in order. */
  all(): Message[] {
    return this.list(0, Infinity, (_message): _message is Message => true);
  }
}

/** The first that is still there: what left otherwise leaves the order when it comes to its front. */
function oldestOf(messages: Heap<Message> | Fifo<Message>): Message | undefined {
  while (messages.peek()?.removed) messages instanceof Fifo ? messages.shift() : messages.pop();
  return messages.peek();
}
