/**
 * Exchanges, queues and the bindings between them.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { QueueOptions } from "../base/queue_options.ts";
import { Exchange, type ExchangeKind } from "./exchange.ts";
import { Queue } from "./queue.ts";

/** What the broker has declared. */
export class Topology {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  /** Where lanes of deleted queues go on, should the queue come back: no place is used twice. */
  readonly #formerLanes = new Map<string, Map<string, number>>();
  readonly #defaults: QueueOptions;
  #bindings = 0;

  /** Starts with nothing declared; `defaults` is for what queues are not told. */
  constructor(defaults: QueueOptions) {
    this.#defaults = defaults;
  }

  /** How many exchanges there are. */
  get exchangeCount(): number {
    return this.#exchanges.size;
  }

  /** All queues. */
  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  /** How many queues there are. */
  get queueCount(): number {
    return this.#queues.size;
  }

  /** How many bindings there are. */
  get bindings(): number {
    return this.#bindings;
  }

  /** An exchange, if it is declared. */
  exchange(name: string): Exchange | undefined {
    return this.#exchanges.get(name);
  }

  /** A queue, if it is declared. */
  queue(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  /** A queue that must be there. */
  queueOf({ queue }: { readonly queue: string }): Queue {
    const found = this.#queues.get(queue);
    assert(found !== undefined, "what is queued has a queue");
    return found;
  }

  /** Adds an exchange. */
  addExchange(name: string, kind: ExchangeKind): Exchange {
    const exchange = new Exchange(name, kind);
    this.#exchanges.set(name, exchange);
    return exchange;
  }

  /** Adds a queue; one that was there before goes on where it was. */
  addQueue(name: string, told: Partial<QueueOptions>): Queue {
    const queue = new Queue(name, told, this.#defaults);
    this.#queues.set(name, queue);
    for (const [receiver, nextSeq] of this.#formerLanes.get(name) ?? []) {
      queue.lane(receiver).continueAt(nextSeq);
    }
    this.#formerLanes.delete(name);
    return queue;
  }

  /** Makes a lane go on at `nextSeq`, also one whose queue is not there. */
  continueLane(queue: string, receiver: string, nextSeq: number): void {
    const found = this.#queues.get(queue);
    if (found !== undefined) return found.lane(receiver).continueAt(nextSeq);
    let lanes = this.#formerLanes.get(queue);
    if (lanes === undefined) this.#formerLanes.set(queue, lanes = new Map());
    lanes.set(receiver, nextSeq);
  }

  /** Binds; false when it was bound so already. */
  bind(exchange: Exchange, queue: string, routingKey: string): boolean {
    if (!exchange.bind(queue, routingKey)) return false;
    this.#bindings++;
    return true;
  }

  /** Undoes a binding; false when there was none. */
  unbind(exchange: Exchange, queue: string, routingKey: string): boolean {
    if (!exchange.unbind(queue, routingKey)) return false;
    this.#bindings--;
    return true;
  }

  /** Removes an exchange with its bindings. */
  removeExchange(exchange: Exchange): void {
    this.#bindings -= exchange.bindings;
    this.#exchanges.delete(exchange.name);
  }

  /** Removes a queue with its bindings. */
  removeQueue(queue: Queue): void {
    for (const exchange of this.#exchanges.values()) {
      this.#bindings -= exchange.unbindQueue(queue.name).length;
    }
    this.#queues.delete(queue.name);
    for (const { receiver, nextSeq } of queue.lanes) {
      this.continueLane(queue.name, receiver, nextSeq);
    }
  }
}
