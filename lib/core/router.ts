/**
 * What every kind of exchange can do: keep bindings, and say which queues take a routing key.
 *
 * @module
 */

/** The bindings of one exchange, arranged for one way of routing. */
export interface Router {
  /** Adds a binding that is not there yet. */
  add(queue: string, routingKey: string): void;
  /** Removes a binding that is there, and all that was kept for it alone. */
  remove(queue: string, routingKey: string): void;
  /** The queues that take `routingKey`, each once. What it gives holds until the bindings change. */
  route(routingKey: string): ReadonlySet<string>;
}
