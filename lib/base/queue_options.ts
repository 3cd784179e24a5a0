/**
 * How a queue treats its messages; said when it is declared.
 *
 * @module
 */

/** What becomes of a message whose time to live is over. */
export type ExpiryAction = "dead" | "remove";

/** How a queue treats its messages. */
export interface QueueOptions {
  /** How long a delivery may stay unacknowledged, in milliseconds. Default 30,000. */
  readonly ackTimeoutMs: number;
  /** Deliveries after which an unacknowledged message is a dead letter; 0 for never. Default 20. */
  readonly maxDeliveries: number;
  /** How long a message may wait, in milliseconds; 0 for ever. Default 0. */
  readonly ttlMs: number;
  /** Whether a message that waited too long becomes a dead letter or is removed. Default `dead`. */
  readonly expired: ExpiryAction;
  /** The most messages it holds. Default 1,000,000. */
  readonly maxMessages: number;
  /** The most bytes of messages it holds. Default 4 GiB. */
  readonly maxBytes: number;
}

/** The options of a queue that was declared without any. */
export const DEFAULT_QUEUE_OPTIONS: QueueOptions = {
  ackTimeoutMs: 30_000,
  maxDeliveries: 20,
  ttlMs: 0,
  expired: "dead",
  maxMessages: 1_000_000,
  maxBytes: 4 * 1024 * 1024 * 1024,
};
