/**
 * A lane: the messages of one queue for one receiver, in order. Lanes are why a receiver that is
 * away never blocks another one in the same queue.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { Fifo } from "../base/fifo.ts";
import type { Message } from "./message.ts";

/** The ordered messages of one (queue, receiver). */
export class Lane {
  /** The queue's name. */
  readonly queue: string;
  /** The identity its messages are addressed to. */
  readonly receiver: string;
  #nextSeq = 0;
  /** Never handed out yet, in order. Every one is younger than every returned one. */
  readonly #fresh = new Fifo<Message>();
  /** Handed out and come back: a binary heap, oldest first. */
  readonly #returned: Message[] = [];

  /** Makes an empty lane. */
  constructor(queue: string, receiver: string) {
    this.queue = queue;
    this.receiver = receiver;
  }

  /** The place the next message gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Leaves out places that were used before a restart. */
  continueAt(nextSeq: number): void {
    this.#nextSeq = Math.max(this.#nextSeq, nextSeq);
  }

  /** Adds the youngest message. */
  append(message: Message): void {
    assert(message.seq >= this.#nextSeq, "a lane grows at its end");
    this.#nextSeq = message.seq + 1;
    this.#fresh.push(message);
  }

  /** The oldest message that waits, if there is one. */
  peek(): Message | undefined {
    this.#dropRemoved();
    return this.#returned[0] ?? this.#fresh.peek();
  }

  /** Takes the oldest message that waits, if there is one. */
  take(): Message | undefined {
    this.#dropRemoved();
    return this.#returned.length > 0 ? this.#takeReturned() : this.#fresh.shift();
  }

  /** Takes a message back to its place in the order. */
  giveBack(message: Message): void {
    const heap = this.#returned;
    let at = heap.length;
    heap.push(message);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.seq <= message.seq) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = message;
  }

  /** A returned message may be acknowledged late; it leaves the heap when it comes to the top. */
  #dropRemoved(): void {
    while (this.#returned[0]?.removed) this.#takeReturned();
  }

  #takeReturned(): Message {
    const heap = this.#returned;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return top;
  }

  #sink(message: Message): void {
    const heap = this.#returned;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.seq < heap[child]!.seq) child++;
      if (heap[child]!.seq >= message.seq) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = message;
  }
}
