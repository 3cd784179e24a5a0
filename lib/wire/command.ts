/**
 * What a client asks of the broker, whatever the bytes looked like.
 *
 * @module
 */
import type { QueueOptions } from "../base/queue_options.ts";

/** One encrypted message to publish. The body is opaque to everything behind the codec. */
export interface PublishedMessage {
  /** Unique per publisher. */
  readonly id: string;
  /** The client id it is addressed to. */
  readonly receiver: string;
  /**
   * What the receiver gets: the envelope's canonical text as UTF-8. It may share memory with its
   * neighbours: copy what is kept for long.
   */
  readonly body: Uint8Array;
}

/**
 * One command line, decoded. Every name has passed `nameProblem`; whether an exchange kind exists
 * and a prefetch is allowed is for the session to say.
 */
export type Command =
  /** `exchangeKind` is this project's optional last argument; `direct` when absent. */
  | { readonly kind: "declare_exchange"; readonly exchange: string; readonly exchangeKind: string }
  /** `options` has what was said of them, perhaps nothing. */
  | {
    readonly kind: "declare_queue";
    readonly queue: string;
    readonly options: Partial<QueueOptions>;
  }
  /** `force`: also when the exchange has bindings. */
  | { readonly kind: "delete_exchange"; readonly exchange: string; readonly force: boolean }
  /** `force`: also when the queue has messages or consumers. */
  | { readonly kind: "delete_queue" | "purge"; readonly queue: string; readonly force: boolean }
  | {
    readonly kind: "bind" | "unbind";
    readonly queue: string;
    readonly exchange: string;
    readonly routingKey: string;
  }
  | {
    readonly kind: "publish";
    readonly exchange: string;
    readonly routingKey: string;
    readonly message: PublishedMessage;
    /** How long it may wait in its queues, in milliseconds, at least 1; absent means as they say. */
    readonly ttlMs?: number;
  }
  | {
    readonly kind: "publish_batch";
    readonly exchange: string;
    readonly routingKey: string;
    readonly messages: readonly PublishedMessage[];
  }
  /** `prefetch` is this project's optional last argument; absent means the broker's default. */
  | { readonly kind: "consume"; readonly queue: string; readonly prefetch?: number }
  | { readonly kind: "fetch"; readonly queue: string }
  | { readonly kind: "ack" | "touch"; readonly id: string }
  /**
   * Not `dead`: deliver it again. `dead`: make it a dead letter; `reason`, for people, has passed
   * `reasonProblem` and is there only then.
   */
  | {
    readonly kind: "nack";
    readonly id: string;
    readonly dead: boolean;
    readonly reason?: string;
  }
  /** `after`: the `seq` of the last dead letter that is known already. */
  | { readonly kind: "dead_letters"; readonly queue: string; readonly after?: number }
  /** `id`: this message only. */
  | { readonly kind: "redrive"; readonly queue: string; readonly id?: string }
  | { readonly kind: "register_key"; readonly client: string; readonly key: Uint8Array }
  | { readonly kind: "get_key"; readonly client: string }
  | { readonly kind: "stats" }
  | { readonly kind: "reset_stats" }
  | { readonly kind: "heartbeat" }
  | BackupOrder;

/** What whoever backs the broker up asks, in this order. */
export type BackupOrder =
  | { readonly kind: "backup" }
  /** `offset`: the first byte of the copy that is wanted. */
  | { readonly kind: "backup_read"; readonly offset: number }
  | { readonly kind: "backup_end" };

/** A line that is no command: the reply it gets in its turn. */
export interface Malformed {
  /** Tells it from the commands. */
  readonly kind: "malformed";
  /** The whole reply line without its line end. */
  readonly reply: string;
  /** The client can no longer be understood: close once this is answered in its turn. */
  readonly closes?: true;
}
