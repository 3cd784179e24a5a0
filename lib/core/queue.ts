/**
 * A queue: its lanes and its consumers, and who gets the next message.
 *
 * @module
 */
import type { Consumer } from "./consumer.ts";
import { Lane } from "./lane.ts";
import type { Message, MessageRef } from "./message.ts";

/** One message and the consumer that gets it. */
export interface Assignment {
  /** The message, taken from its lane. */
  readonly message: Message;
  /** The consumer whose turn it is. */
  readonly consumer: Consumer;
}

/** A named queue. A message goes to one consumer whose identity it is addressed to. */
export class Queue {
  /** Its name. */
  readonly name: string;
  readonly #lanes = new Map<string, Lane>();
  /** Consumers with credit by identity, in the order of their turns. */
  readonly #ready = new Map<string, Set<Consumer>>();
  #consumers = 0;
  #messages = 0;

  /** Makes an empty queue. */
  constructor(name: string) {
    this.name = name;
  }

  /** Messages it holds, leased ones included. */
  get messages(): number {
    return this.#messages;
  }

  /** How many consumers it has. */
  get consumers(): number {
    return this.#consumers;
  }

  /** The lane of `receiver`, made when it is not there. */
  lane(receiver: string): Lane {
    const lane = this.#lanes.get(receiver);
    if (lane !== undefined) return lane;
    const added = new Lane(this.name, receiver);
    this.#lanes.set(added.receiver, added);
    return added;
  }

  /** Adds a message at the end of its lane. */
  append(message: Message): void {
    this.lane(message.receiver).append(message);
    this.#messages++;
  }

  /** Where the next message for `receiver` goes. */
  next(receiver: string): MessageRef {
    const lane = this.lane(receiver);
    return { queue: this.name, receiver: lane.receiver, seq: lane.nextSeq };
  }

  /** The oldest message that waits for `receiver`, if there is one. */
  peek(receiver: string): Message | undefined {
    return this.#lanes.get(receiver)?.peek();
  }

  /** Takes the oldest message for `receiver` outside any subscription. */
  take(receiver: string): Message | undefined {
    return this.#lanes.get(receiver)?.take();
  }

  /** Takes a message back that was not acknowledged. */
  giveBack(message: Message): void {
    this.lane(message.receiver).giveBack(message);
  }

  /** Counts a message out that was acknowledged. */
  removed(): void {
    this.#messages--;
  }

  /** Adds a consumer; its turn is last. */
  addConsumer(consumer: Consumer): void {
    this.#consumers++;
    this.offer(consumer);
  }

  /** Removes a consumer. */
  removeConsumer(consumer: Consumer): void {
    this.#consumers--;
    this.#withdraw(consumer);
  }

  /** Puts a consumer in the row of those with credit, if it has any. */
  offer(consumer: Consumer): void {
    if (!consumer.open) return;
    const identity = consumer.peer.identity;
    let ready = this.#ready.get(identity);
    if (ready === undefined) this.#ready.set(identity, ready = new Set());
    ready.add(consumer);
  }

  /** The next message for `receiver` and the consumer whose turn it is, if there are both. */
  assign(receiver: string): Assignment | undefined {
    const ready = this.#ready.get(receiver);
    const lane = this.#lanes.get(receiver);
    const message = ready === undefined ? undefined : lane?.peek();
    if (ready === undefined || lane === undefined || message === undefined) return undefined;
    for (const consumer of ready) {
      const fits = consumer.fits(message);
      // One without room for this message keeps its turn: the next one may be smaller.
      if (!fits && consumer.open) continue;
      this.#withdraw(consumer);
      if (!fits) continue;
      lane.take();
      return { message, consumer };
    }
    return undefined;
  }

  #withdraw(consumer: Consumer): void {
    const identity = consumer.peer.identity;
    const ready = this.#ready.get(identity);
    if (ready?.delete(consumer) && ready.size === 0) this.#ready.delete(identity);
  }
}
