/**
 * Routes to the queues that are bound with just the key of the message.
 *
 * @module
 */
import type { Router } from "./router.ts";

const NO_QUEUES: ReadonlySet<string> = new Set();

/** The bindings of a direct exchange, by key. */
export class DirectRouter implements Router {
  readonly #queuesByKey = new Map<string, Set<string>>();

  /** Adds a binding. */
  add(queue: string, routingKey: string): void {
    const queues = this.#queuesByKey.get(routingKey);
    if (queues === undefined) this.#queuesByKey.set(routingKey, new Set([queue]));
    else queues.add(queue);
  }

  /** Removes a binding. */
  remove(queue: string, routingKey: string): void {
    const queues = this.#queuesByKey.get(routingKey);
    queues?.delete(queue);
    if (queues?.size === 0) this.#queuesByKey.delete(routingKey);
  }

  /** The queues bound with `routingKey`. */
  route(routingKey: string): ReadonlySet<string> {
    return this.#queuesByKey.get(routingKey) ?? NO_QUEUES;
  }
}
