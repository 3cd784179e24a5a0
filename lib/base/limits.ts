/**
 * Every bound of the broker, with its unit in its name. `[limits]` in `config.toml` sets them in
 * snake case.
 *
 * @module
 */
import { assert } from "./assert.ts";

/** What the broker allows its peers. */
export interface Limits {
  /** One command line, in bytes. `publish_batch` is one line. Default 16 MiB. */
  readonly maxLineBytes: number;
  /** One envelope's JSON, in bytes. Default 1 MiB. */
  readonly maxMessageBytes: number;
  /** One message times the queues that would take it, where they are several, in bytes. Default 64 MiB. */
  readonly maxCopiesBytes: number;
  /** Messages in one `publish_batch`. Default 10,000. */
  readonly maxBatchMessages: number;
  /** Unacknowledged deliveries of a consumer that asks for no other number. Default 256. */
  readonly defaultPrefetch: number;
  /** The most unacknowledged deliveries of a consumer, whatever it asks for. Default 10,000. */
  readonly maxPrefetch: number;
  /** Unacknowledged deliveries of one consumer, in bytes; one message always fits. Default 8 MiB. */
  readonly maxPrefetchBytes: number;
  /** Subscriptions of one connection. Default 1,000. */
  readonly maxConsumersPerConnection: number;
  /** Subscriptions to one queue. Default 10,000. */
  readonly maxConsumersPerQueue: number;
  /** Exchanges in all. Default 1,000. */
  readonly maxExchanges: number;
  /** Queues in all, dead-letter queues included. Default 10,000. */
  readonly maxQueues: number;
  /** Bindings in all. Default 100,000. */
  readonly maxBindings: number;
  /** Registered keys in all. Default 100,000. */
  readonly maxKeys: number;
  /** The most messages in a queue; it may be told fewer. Default 1,000,000. */
  readonly maxQueueMessages: number;
  /** The most bytes of messages in a queue; it may be told fewer. Default 4 GiB. */
  readonly maxQueueBytes: number;
  /** How long a delivery may stay unacknowledged where the queue was not told otherwise, in milliseconds. Default 30,000. */
  readonly ackTimeoutMs: number;
  /** Deliveries after which a message is a dead letter where the queue was not told otherwise. Default 20. */
  readonly maxDeliveries: number;
  /** Connections in all. Default 10,000. */
  readonly maxConnections: number;
  /** Connections of one address, which needs no certificate to begin one. Default 1,000. */
  readonly maxConnectionsPerAddress: number;
  /** TLS handshakes under way of one address, so that strangers leave places to its clients. Default 250. */
  readonly maxHandshakesPerAddress: number;
  /** Connections of one identity. Default 1,000. */
  readonly maxConnectionsPerIdentity: number;
  /** Bytes waiting to be sent to one connection before the broker stops reading from it and pushing to it. Default 1 MiB. */
  readonly maxUnsentBytes: number;
  /**
   * Bytes waiting to be sent to all connections, shared among them; 64 KiB of one may always wait.
   * Default 512 MiB.
   */
  readonly maxOutgoingBytes: number;
  /** Commands of one connection that wait for their commit before the broker stops reading from it. Default 20,000. */
  readonly maxWaitingCommands: number;
  /** Bytes of one connection's commands that wait for their commit before the broker stops reading from it. Default 8 MiB. */
  readonly maxWaitingBytes: number;
  /** Bytes of unfinished lines and of commands that wait for their commit, of all connections. Default 256 MiB. */
  readonly maxIncomingBytes: number;
  /** A TLS handshake, in milliseconds. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** From a line's first byte to its last, in milliseconds. Default 10,000. */
  readonly lineTimeoutMs: number;
  /** How long a backup may stay without a byte of it being read before it ends, in milliseconds. Default 60,000. */
  readonly backupTimeoutMs: number;
  /** How long a message id is remembered after it was accepted, in milliseconds. Default 24 hours. */
  readonly duplicateHorizonMs: number;
  /** How many message ids are remembered at most. Default 4,000,000. */
  readonly maxRememberedIds: number;
  /** Free bytes on the database's disk below which publishes are refused. Default 64 MiB. */
  readonly minFreeBytes: number;
  /** The same in per cent of the disk; the larger of both counts. Default 5. */
  readonly minFreePercent: number;
  /** Bytes held beside the database so that acks go on when the disk is full. Default 16 MiB. */
  readonly ballastBytes: number;
  /** Bodies kept in memory; beyond it they are on disk only, in bytes. Default 64 MiB. */
  readonly maxCachedBodyBytes: number;
}

/** The limits of a broker whose configuration says nothing. */
export const DEFAULT_LIMITS: Limits = {
  maxLineBytes: 16 * 1024 * 1024,
  maxMessageBytes: 1024 * 1024,
  maxCopiesBytes: 64 * 1024 * 1024,
  maxBatchMessages: 10_000,
  defaultPrefetch: 256,
  maxPrefetch: 10_000,
  maxPrefetchBytes: 8 * 1024 * 1024,
  maxConsumersPerConnection: 1_000,
  maxConsumersPerQueue: 10_000,
  maxExchanges: 1_000,
  maxQueues: 10_000,
  maxBindings: 100_000,
  maxKeys: 100_000,
  maxQueueMessages: 1_000_000,
  maxQueueBytes: 4 * 1024 * 1024 * 1024,
  ackTimeoutMs: 30_000,
  maxDeliveries: 20,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_000,
  maxHandshakesPerAddress: 250,
  maxConnectionsPerIdentity: 1_000,
  maxUnsentBytes: 1024 * 1024,
  maxOutgoingBytes: 512 * 1024 * 1024,
  maxWaitingCommands: 20_000,
  maxWaitingBytes: 8 * 1024 * 1024,
  maxIncomingBytes: 256 * 1024 * 1024,
  handshakeTimeoutMs: 5_000,
  lineTimeoutMs: 10_000,
  backupTimeoutMs: 60_000,
  duplicateHorizonMs: 24 * 60 * 60 * 1000,
  maxRememberedIds: 4_000_000,
  minFreeBytes: 64 * 1024 * 1024,
  minFreePercent: 5,
  ballastBytes: 16 * 1024 * 1024,
  maxCachedBodyBytes: 64 * 1024 * 1024,
};

/** Throws unless every limit is a positive whole number and the limits fit each other. */
export function assertLimits(limits: Limits): void {
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value > 0, `${name} is a positive whole number`);
  }
  assert(limits.maxMessageBytes < limits.maxLineBytes, "maxMessageBytes is below maxLineBytes");
  assert(
    2 * limits.maxLineBytes <= limits.maxIncomingBytes,
    "maxIncomingBytes is at least twice maxLineBytes",
  );
  assert(limits.defaultPrefetch <= limits.maxPrefetch, "defaultPrefetch is at most maxPrefetch");
}
