/**
 * How a queue treats its messages; said when it is declared.
 *
 * @module
 */

import type { Limits } from "./limits.ts";

/** What becomes of a message whose time to live is over. */
export type ExpiryAction = "dead" | "remove";

/** How a queue treats its messages. Defaults are limits of the broker's configuration. */
export interface QueueOptions {
  /** How long a delivery may stay unacknowledged, in milliseconds. Default `ack_timeout_ms`. */
  readonly ackTimeoutMs: number;
  /** Deliveries after which an unacknowledged message is a dead letter; 0 for never. Default `max_deliveries`. */
  readonly maxDeliveries: number;
  /** How long a message may wait, in milliseconds; 0 for ever. Default 0. */
  readonly ttlMs: number;
  /** Whether a message that waited too long becomes a dead letter or is removed. Default `dead`. */
  readonly expired: ExpiryAction;
  /** The most messages it holds. At most `max_queue_messages`, which is the default. */
  readonly maxMessages: number;
  /** The most bytes of messages it holds. At most `max_queue_bytes`, which is the default. */
  readonly maxBytes: number;
}

/** The options of a queue that was told nothing. */
export function defaultQueueOptions(limits: Limits): QueueOptions {
  return {
    ackTimeoutMs: limits.ackTimeoutMs,
    maxDeliveries: limits.maxDeliveries,
    ttlMs: 0,
    expired: "dead",
    maxMessages: limits.maxQueueMessages,
    maxBytes: limits.maxQueueBytes,
  };
}
