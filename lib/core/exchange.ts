/**
 * An exchange: where publishers hand in, and the bindings that say which queues take what.
 *
 * @module
 */
import { DirectRouter } from "./direct_router.ts";
import { FanoutRouter } from "./fanout_router.ts";
import type { Router } from "./router.ts";
import { TopicRouter } from "./topic_router.ts";

/**
 * How an exchange chooses queues. `direct`: those bound with just the routing key. `topic`: those
 * bound with a pattern that the routing key matches. `fanout`: all that are bound.
 */
export type ExchangeKind = "direct" | "topic" | "fanout";

const ROUTERS: Readonly<Record<ExchangeKind, () => Router>> = {
  direct: () => new DirectRouter(),
  topic: () => new TopicRouter(),
  fanout: () => new FanoutRouter(),
};

/** Whether `text` names a kind of exchange. */
export function isExchangeKind(text: string): text is ExchangeKind {
  return Object.hasOwn(ROUTERS, text);
}

/** One queue bound with one key. */
export interface Binding {
  /** The queue's name. */
  readonly queue: string;
  /** The key, or the pattern of a topic exchange. */
  readonly routingKey: string;
}

/** A named exchange with its bindings. */
export class Exchange implements Iterable<Binding> {
  /** Its name. */
  readonly name: string;
  /** How it chooses queues. */
  readonly kind: ExchangeKind;
  readonly #router: Router;
  readonly #keysByQueue = new Map<string, Set<string>>();
  #bindings = 0;

  /** Makes an exchange without bindings. */
  constructor(name: string, kind: ExchangeKind) {
    this.name = name;
    this.kind = kind;
    this.#router = ROUTERS[kind]();
  }

  /** How many bindings it has. */
  get bindings(): number {
    return this.#bindings;
  }

  /** All bindings: queue by queue, as these were bound first. */
  *[Symbol.iterator](): Generator<Binding> {
    for (const [queue, keys] of this.#keysByQueue) {
      for (const routingKey of keys) yield { queue, routingKey };
    }
  }

  /**
   * Binds `queue` with `routingKey`, which may be any name; false when it was bound so already. A
   * queue may be bound with several keys.
   */
  bind(queue: string, routingKey: string): boolean {
    const keys = this.#keysByQueue.get(queue);
    if (keys === undefined) this.#keysByQueue.set(queue, new Set([routingKey]));
    else if (keys.has(routingKey)) return false;
    else keys.add(routingKey);
    this.#router.add(queue, routingKey);
    this.#bindings++;
    return true;
  }

  /** Undoes one `bind`, with just this key; false when it was not bound so. */
  unbind(queue: string, routingKey: string): boolean {
    const keys = this.#keysByQueue.get(queue);
    if (keys === undefined || !keys.delete(routingKey)) return false;
    if (keys.size === 0) this.#keysByQueue.delete(queue);
    this.#router.remove(queue, routingKey);
    this.#bindings--;
    return true;
  }

  /** Undoes all bindings of `queue`, and gives the keys it was bound with. */
  unbindQueue(queue: string): string[] {
    const keys = [...this.#keysByQueue.get(queue) ?? []];
    for (const key of keys) this.unbind(queue, key);
    return keys;
  }

  /**
   * The queues that take a message with `routingKey`, each once, however many of its keys match. To
   * be read before the bindings change.
   */
  route(routingKey: string): ReadonlySet<string> {
    return this.#router.route(routingKey);
  }
}
