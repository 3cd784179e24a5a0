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
  | { readonly kind: "queue_unbound" }
  | { readonly kind: "queue_deleted" }
  | { readonly kind: "exchange_deleted" }
  /** `count`: messages that were removed. */
  | { readonly kind: "queue_purged"; readonly count: number }
  | { readonly kind: "accepted"; readonly id: string }
  | { readonly kind: "subscribed" }
  | { readonly kind: "message"; readonly id: string; readonly body: Uint8Array }
  | { readonly kind: "no_messages" }
  | { readonly kind: "ack_confirmed"; readonly id: string }
  | { readonly kind: "nack_confirmed"; readonly id: string }
  | { readonly kind: "touched"; readonly id: string }
  /** `json`: an array on one line, not checked. */
  | { readonly kind: "dead_letters"; readonly json: string }
  /** `count`: dead letters that went back to the queue. */
  | { readonly kind: "redriven"; readonly count: number }
  | { readonly kind: "key_registered" }
  | { readonly kind: "public_key"; readonly key: Uint8Array }
  | { readonly kind: "no_key" }
  | { readonly kind: "stats"; readonly json: string }
  | { readonly kind: "stats_reset" }
  | { readonly kind: "heartbeat_ok" }
  /** `bytes`: of the whole copy. */
  | { readonly kind: "backup"; readonly bytes: number }
  /** `data`: the copy's bytes from the offset on that was asked for; at least one. */
  | { readonly kind: "backup_piece"; readonly data: Uint8Array }
  | { readonly kind: "backup_ended" }
  /**
   * A failure: `text` is the whole line, such as `Error: …` or `Missing queue name`. `id` repeats
   * the message it is about, where the line ends with one; see {@linkcode messageFailure}.
   */
  | { readonly kind: "failed"; readonly text: string; readonly id?: string };

/**
 * A reply as a client receives it. A message comes as the text of its envelope, not looked into
 * yet: `parseEnvelope` (`lib/wire/envelope_text.ts`) does, and may refuse it.
 */
export type ReceivedReply =
  | Exclude<Reply, { readonly kind: "message" }>
  | ReceivedMessage;

/** A pushed or fetched message as a client receives it. */
export interface ReceivedMessage {
  /** Tells it from the other replies. */
  readonly kind: "message";
  /** The id that its `ack` names. */
  readonly id: string;
  /** The envelope's JSON, not checked. */
  readonly text: string;
}

/** The failure of one published message: `Error: <why> for message <id>`. */
export function messageFailure(why: string, id: string): Extract<Reply, { kind: "failed" }> {
  return { kind: "failed", text: `Error: ${why} for message ${id}`, id };
}
