/**
 * What the store gives back after a restart.
 *
 * @module
 */
import type { QueueOptions } from "../base/queue_options.ts";
import type { ExchangeKind } from "./exchange.ts";
import type { MessageHead } from "./message.ts";

/** One message that the store still knows. */
export interface StoredMessage {
  /** Who, for whom, where and how large. */
  readonly message: MessageHead;
  /** When it was accepted, in milliseconds since the Unix epoch. */
  readonly acceptedMs: number;
  /** How often a delivery of it came back. */
  readonly deliveries: number;
  /**
   * It is remembered, never delivered: `acknowledged` by its receiver or gone otherwise, or `moved` to
   * another lane. Absent for a message that is queued.
   */
  readonly gone?: "removed" | "moved";
}

/** The state of the last commit, without the messages: those come after it, piece by piece. */
export interface Snapshot {
  /** The declared exchanges. */
  readonly exchanges: readonly { readonly exchange: string; readonly exchangeKind: ExchangeKind }[];
  /** The declared queues. */
  readonly queues: readonly { readonly queue: string; readonly options: Partial<QueueOptions> }[];
  /** The bindings between them. */
  readonly bindings: readonly {
    readonly queue: string;
    readonly exchange: string;
    readonly routingKey: string;
  }[];
  /** The registered public keys. */
  readonly keys: readonly { readonly client: string; readonly key: Uint8Array }[];
  /** Every lane with the place its next message gets, those of deleted queues included. */
  readonly lanes: readonly {
    readonly queue: string;
    readonly receiver: string;
    readonly nextSeq: number;
  }[];
}
