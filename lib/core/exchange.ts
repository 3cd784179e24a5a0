/**
 * An exchange: where publishers hand in, and the bindings that say which queues take what.
 *
 * @module
 */

/** How an exchange chooses queues. `direct`: those bound with just this routing key. */
export type ExchangeKind = "direct";
