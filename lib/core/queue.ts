/**
 * A queue: its lanes and its consumers, and who gets the next message.
 *
 * @module
 */
import { isForDeadLetters } from "../base/dead_letter_queue.ts";
import type { QueueOptions } from "../base/queue_options.ts";
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

/** Nothing leaves a dead-letter queue by itself, whoever declared it and whatever it was told. */
const DEAD_LETTERS_STAY: Partial<QueueOptions> = { maxDeliveries: 0, ttlMs: 0 };

/** A named queue. A message goes to one consumer whose identity it is addressed to. */
export class Queue {
  /** Its name. */
  readonly name: string;
  /** Whether it takes dead letters: those never die again. */
  readonly isForDeadLetters: boolean;
  readonly #defaults: QueueOptions;
  #told: Partial<QueueOptions>;
  #options: QueueOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Consumers with credit, by identity, in the order of their turns; a set may be empty. */
  readonly #ready = new Map<string, Set<Consumer>>();
  readonly #consumers = new Set<Consumer>();
  #messages = 0;
  #bytes = 0;

  /**
   * Makes an empty queue that was told some options; `defaults` is for the others, and has the most
   * messages and bytes that any queue may hold.
   */
  constructor(name: string, told: Partial<QueueOptions>, defaults: QueueOptions) {
    this.name = name;
    this.isForDeadLetters = isForDeadLetters(name);
    this.#defaults = defaults;
    this.#told = told;
    this.#options = this.#optionsWith(told);
  }

  /** How it treats its messages. */
  get options(): QueueOptions {
    return this.#options;
  }

  /** What it was told of that; the rest are defaults. */
  get told(): Partial<QueueOptions> {
    return this.#told;
  }

  /** Tells it more; false when it knew all of that. */
  tell(more: Partial<QueueOptions>): boolean {
    const known: Partial<Record<string, unknown>> = this.#told;
    if (Object.entries(more).every(([name, value]) => known[name] === value)) return false;
    this.#told = { ...this.#told, ...more };
    this.#options = this.#optionsWith(this.#told);
    return true;
  }

  /** Messages it holds, leased ones included. */
  get messages(): number {
    return this.#messages;
  }

  /** Bytes of those messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Its lanes. */
  get lanes(): Iterable<Lane> {
    return this.#lanes.values();
  }

  /** Why a message of `size` bytes would be too much, or nothing when it would not. */
  fullness(size: number): string | undefined {
    const { maxMessages, maxBytes } = this.options;
    if (this.#messages >= maxMessages) return `${maxMessages} messages`;
    return this.#bytes + size > maxBytes ? `${maxBytes} bytes` : undefined;
  }

  /** How many consumers it has. */
  get consumers(): number {
    return this.#consumers.size;
  }

  /** Its consumers. */
  get allConsumers(): Iterable<Consumer> {
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
    this.#bytes += message.size;
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

  /** Up to `limit` messages that wait for `receiver` and are wanted, in order, from place `from` on. */
  list<T extends Message>(
    receiver: string,
    from: number,
    limit: number,
    isWanted: (message: Message) => message is T,
  ): T[] {
    return this.#lanes.get(receiver)?.list(from, limit, isWanted) ?? [];
  }

  /** Takes a message back that was not acknowledged. */
  giveBack(message: Message): void {
    this.lane(message.receiver).giveBack(message);
  }

  /** Takes a message out for good, wherever in its lane it is. */
  remove(message: Message): void {
    message.removed = true;
    this.lane(message.receiver).removed();
    this.#messages--;
    this.#bytes -= message.size;
  }

  /** Adds a consumer; its turn is last. */
  addConsumer(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.offer(consumer);
  }

  /** Removes a consumer. */
  removeConsumer(consumer: Consumer): void {
    this.#consumers.delete(consumer);
    const identity = consumer.peer.identity;
    const ready = this.#ready.get(identity);
    ready?.delete(consumer);
    if (ready?.size === 0) this.#ready.delete(identity);
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
      ready.delete(consumer);
      if (!fits) continue;
      lane.take();
      return { message, consumer };
    }
    return undefined;
  }

  #optionsWith(told: Partial<QueueOptions>): QueueOptions {
    const options = { ...this.#defaults, ...told };
    return {
      ...options,
      // It may have been told them while the broker's limits were higher.
      maxMessages: Math.min(options.maxMessages, this.#defaults.maxMessages),
      maxBytes: Math.min(options.maxBytes, this.#defaults.maxBytes),
      ...(this.isForDeadLetters ? DEAD_LETTERS_STAY : {}),
    };
  }
}
