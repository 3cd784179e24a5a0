/**
 * What can happen to the core. Whoever makes an input has checked its names; whether its
 * connection may do it is checked by the core, at every input, by the connection's identity.
 *
 * @module
 */
import type { ExchangeKind } from "./exchange.ts";

/** A connection's number; never used twice in one run of the broker. */
export type ConnectionId = number;

/** One thing that happens. All but the first three get exactly one answer or fetched delivery. */
export type Input =
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
  | { readonly kind: "declare_queue"; readonly connection: ConnectionId; readonly queue: string }
  | {
    readonly kind: "bind";
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
  }
  | {
    readonly kind: "consume";
    readonly connection: ConnectionId;
    readonly queue: string;
    /** The most unacknowledged deliveries; absent means the default. */
    readonly prefetch?: number;
  }
  | { readonly kind: "fetch"; readonly connection: ConnectionId; readonly queue: string }
  | { readonly kind: "ack"; readonly connection: ConnectionId; readonly id: string }
  | {
    readonly kind: "register_key";
    readonly connection: ConnectionId;
    readonly client: string;
    readonly key: Uint8Array;
  }
  | { readonly kind: "get_key"; readonly connection: ConnectionId; readonly client: string }
  | { readonly kind: "stats"; readonly connection: ConnectionId }
  | { readonly kind: "reset_stats"; readonly connection: ConnectionId };
