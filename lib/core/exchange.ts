/**
 * An exchange: where publishers hand in, and the bindings that say which queues take what.
 *
 * @module
 */

/** How an exchange chooses queues. `direct`: those bound with just this routing key. */
export type ExchangeKind = "direct";

const NO_QUEUES: ReadonlySet<string> = new Set();

/** A named exchange with its bindings. */
export class Exchange {
  /** Its name. */
  readonly name: string;
  /** How it chooses queues. */
  readonly kind: ExchangeKind;
  readonly #queuesByKey = new Map<string, Set<string>>();
  #bindings = 0;

  /** Makes an exchange without bindings. */
  constructor(name: string, kind: ExchangeKind) {
    this.name = name;
    this.kind = kind;
  }

  /** How many bindings it has. */
  get bindings(): number {
    return this.#bindings;
  }

  /** Binds `queue` with `routingKey`; false when it was bound so already. */
  bind(queue: string, routingKey: string): boolean {
    let queues = this.#queuesByKey.get(routingKey);
    if (queues === undefined) this.#queuesByKey.set(routingKey, queues = new Set());
    if (queues.has(queue)) return false;
    queues.add(queue);
    this.#bindings++;
    return true;
  }

  /** The queues that take a message with `routingKey`, each once. */
  route(routingKey: string): ReadonlySet<string> {
    return this.#queuesByKey.get(routingKey) ?? NO_QUEUES;
  }
}
