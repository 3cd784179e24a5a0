/**
 * Routes to every bound queue, whatever the key.
 *
 * @module
 */
import type { Router } from "./router.ts";

/** The queues of a fanout exchange. One that is bound with several keys stays until the last is gone. */
export class FanoutRouter implements Router {
  readonly #queues = new Set<string>();
  /** How many keys a queue is bound with beyond its first; most have none. */
  readonly #further = new Map<string, number>();

  /** Adds a binding. */
  add(queue: string): void {
    if (this.#queues.has(queue)) this.#further.set(queue, (this.#further.get(queue) ?? 0) + 1);
    else this.#queues.add(queue);
  }

  /** Removes a binding. */
  remove(queue: string): void {
    const further = this.#further.get(queue);
    if (further === undefined) this.#queues.delete(queue);
    else if (further === 1) this.#further.delete(queue);
    else this.#further.set(queue, further - 1);
  }

  /** All queues. */
  route(): ReadonlySet<string> {
    return this.#queues;
  }
}
