/**
 * What the broker says to a client, whatever the bytes look like.
 *
 * @module
 */

/** One reply, or one pushed message. Every reply is one line and answers one command. */
export type Reply =
  | { readonly kind: "exchange_declared" }
  | { readonly kind: "queue_declared" }
  | { readonly kind: "queue_bound" }
  | { readonly kind: "accepted"; readonly id: string }
  | { readonly kind: "subscribed" }
  | { readonly kind: "message"; readonly id: string; readonly body: Uint8Array }
  | { readonly kind: "no_messages" }
  | { readonly kind: "ack_confirmed"; readonly id: string }
  | { readonly kind: "key_registered" }
  | { readonly kind: "public_key"; readonly key: Uint8Array }
  | { readonly kind: "no_key" }
  | { readonly kind: "stats"; readonly json: string }
  | { readonly kind: "stats_reset" }
  | { readonly kind: "heartbeat_ok" }
  /** A failure: `text` is the whole line, such as `Error: …` or `Missing queue name`. */
  | { readonly kind: "failed"; readonly text: string };
