/**
 * What a step of the core wants done: changes to store, answers to give, messages to deliver.
 *
 * @module
 */
import type { ErrorCode } from "../base/errors.ts";
import type { QueueOptions } from "../base/queue_options.ts";
import type { ExchangeKind } from "./exchange.ts";
import type { ConnectionId } from "./input.ts";
import type { DeadLetter, Message, MessageHead, MessageRef } from "./message.ts";
import type { StatsReport } from "./stats.ts";

/** A change that must be durable before anything else of its batch is released. */
export type Change =
  | {
    readonly kind: "exchange_declared";
    readonly exchange: string;
    readonly exchangeKind: ExchangeKind;
  }
  | { readonly kind: "exchange_deleted"; readonly exchange: string }
  /** Declared, or declared again with other options. What is left out is the broker's default. */
  | {
    readonly kind: "queue_declared";
    readonly queue: string;
    readonly options: Partial<QueueOptions>;
  }
  /** Deleted with its bindings and all its messages, which are remembered like acknowledged ones. */
  | { readonly kind: "queue_deleted"; readonly queue: string }
  | {
    readonly kind: "bound" | "unbound";
    readonly queue: string;
    readonly exchange: string;
    readonly routingKey: string;
  }
  /** The message joined the end of its lane. Its body is not looked into. */
  | { readonly kind: "enqueued"; readonly message: MessageHead; readonly body: Uint8Array }
  /**
   * The message at `from` went to the end of another lane, with its body: to a dead-letter queue or
   * back. It is no longer at `from`, and was not acknowledged there.
   */
  | { readonly kind: "moved"; readonly from: MessageRef; readonly message: MessageHead }
  /** The message was acknowledged or removed and must never be delivered again. */
  | { readonly kind: "removed"; readonly message: MessageRef }
  /** A delivery came back unacknowledged; it has now been delivered `deliveries` times. */
  | { readonly kind: "returned"; readonly message: MessageRef; readonly deliveries: number }
  | { readonly kind: "key_registered"; readonly client: string; readonly key: Uint8Array };

/** One dead letter as its receiver sees it. */
export interface DeadLetterReport extends DeadLetter {
  /** Its place, to list on from. */
  readonly seq: number;
  /** The publisher's id for it. */
  readonly id: string;
  /** Who published it. */
  readonly publisher: string;
  /** Bytes of its envelope. */
  readonly size: number;
  /** The exchange it was published to. */
  readonly exchange: string;
  /** The routing key it was published with. */
  readonly routingKey: string;
}

/** The answer to one input of a connection. Answers come in the order of the inputs. */
export type Answer =
  | { readonly kind: "exchange_declared" }
  | { readonly kind: "queue_declared" }
  | { readonly kind: "queue_bound" }
  | { readonly kind: "queue_unbound" }
  | { readonly kind: "queue_deleted" }
  | { readonly kind: "exchange_deleted" }
  | { readonly kind: "queue_purged"; readonly count: number }
  | { readonly kind: "nack_confirmed"; readonly id: string }
  | { readonly kind: "touched"; readonly id: string }
  | { readonly kind: "dead_letters"; readonly letters: readonly DeadLetterReport[] }
  | { readonly kind: "redriven"; readonly count: number }
  | { readonly kind: "accepted"; readonly id: string }
  | { readonly kind: "subscribed" }
  | { readonly kind: "no_messages" }
  | { readonly kind: "ack_confirmed"; readonly id: string }
  | { readonly kind: "key_registered" }
  | { readonly kind: "public_key"; readonly key: Uint8Array }
  | { readonly kind: "no_key" }
  | { readonly kind: "stats"; readonly report: StatsReport }
  | { readonly kind: "stats_reset" }
  /** Refused with a reason. `id` is the message's, where the input was a publish. */
  | {
    readonly kind: "refused";
    readonly code: ErrorCode;
    readonly text: string;
    readonly id?: string;
  };

/** What a step wants done, in order. */
export type Effect =
  | { readonly kind: "change"; readonly change: Change }
  | { readonly kind: "answer"; readonly connection: ConnectionId; readonly answer: Answer }
  /** Send the message, whose body the store has, unless it is removed by then. */
  | {
    readonly kind: "deliver";
    readonly connection: ConnectionId;
    readonly message: Message;
    /** It answers a `fetch`. */
    readonly fetched: boolean;
  };
