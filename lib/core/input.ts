/**
 * What can happen to the core. Whoever makes an input has checked its names; whether its
 * connection may do it is checked by the core, at every input, by the connection's identity.
 *
 * @module
 */
import type { QueueOptions } from "../base/queue_options.ts";
import type { ExchangeKind } from "./exchange.ts";

/** A connection's number; never used twice in one run of the broker. */
export type ConnectionId = number;

/** One thing that happens. All but the first four get exactly one answer or fetched delivery. */
export type Input =
  /** Time has passed: leases and messages may be over. */
  | { readonly kind: "tick" }
  | {
    readonly kind: "connected";
    readonly connection: ConnectionId;
    /** The name its verified certificate gives. */
    readonly identity: string;
  }
  | { readonly kind: "disconnected"; readonly connection: ConnectionId }
  /** The connection has sent what was pushed to it: more may come. */
  | { readonly kind: "drained"; readonly connection: ConnectionId }
  | {
    readonly kind: "declare_exchange";
    readonly connection: ConnectionId;
    readonly exchange: string;
    readonly exchangeKind: ExchangeKind;
  }
  | {
    readonly kind: "delete_exchange";
    readonly connection: ConnectionId;
    readonly exchange: string;
    /** Also with bindings. */
    readonly force: boolean;
  }
  | {
    readonly kind: "declare_queue";
    readonly connection: ConnectionId;
    readonly queue: string;
    /** What it is told; what is left out stays, or is the default. */
    readonly options: Partial<QueueOptions>;
  }
  | {
    readonly kind: "delete_queue" | "purge";
    readonly connection: ConnectionId;
    readonly queue: string;
    /** Also with messages or consumers. */
    readonly force: boolean;
  }
  | {
    readonly kind: "bind" | "unbind";
    readonly connection: ConnectionId;
    readonly queue: string;
    readonly exchange: string;
    readonly routingKey: string;
  }
  | {
    readonly kind: "publish";
    readonly connection: ConnectionId;
    readonly exchange: string;
    readonly routingKey: string;
    readonly id: string;
    readonly receiver: string;
    readonly body: Uint8Array;
    /** How long it may wait, in milliseconds. */
    readonly ttlMs?: number;
  }
  | {
    readonly kind: "consume";
    readonly connection: ConnectionId;
    readonly queue: string;
    /** The most unacknowledged deliveries it can take; absent means the default. */
    readonly prefetch?: number;
  }
  | { readonly kind: "fetch"; readonly connection: ConnectionId; readonly queue: string }
  | { readonly kind: "ack" | "touch"; readonly connection: ConnectionId; readonly id: string }
  | {
    readonly kind: "nack";
    readonly connection: ConnectionId;
    readonly id: string;
    /** To the dead-letter queue at once, instead of delivering it again. */
    readonly dead: boolean;
    /** Why, for whoever looks at the dead letter. */
    readonly reason?: string;
  }
  | {
    readonly kind: "dead_letters";
    readonly connection: ConnectionId;
    /** The queue whose dead letters are meant. */
    readonly queue: string;
    /** Only those after this place. */
    readonly after?: number;
  }
  | {
    readonly kind: "redrive";
    readonly connection: ConnectionId;
    readonly queue: string;
    /** Only this message. */
    readonly id?: string;
  }
  | {
    readonly kind: "register_key";
    readonly connection: ConnectionId;
    readonly client: string;
    readonly key: Uint8Array;
  }
  | { readonly kind: "get_key"; readonly connection: ConnectionId; readonly client: string }
  | { readonly kind: "stats"; readonly connection: ConnectionId }
  | { readonly kind: "reset_stats"; readonly connection: ConnectionId };

/** The inputs of some kinds. */
export type InputOf<Kind extends Input["kind"]> = Input extends infer One
  ? One extends { readonly kind: infer K } ? [K & Kind] extends [never] ? never : One : never
  : never;
