/**
 * A message as the core knows it: who it is from and for, and how large. Never what it says.
 *
 * @module
 */

/** Names one queued message. A lane is the messages of one queue for one receiver. */
export interface MessageRef {
  /** The queue it waits in. */
  readonly queue: string;
  /** The identity it is addressed to. */
  readonly receiver: string;
  /** Its place in its lane: grows by one per message, starting at 0, never used twice. */
  readonly seq: number;
}

/** What is known of a queued message besides its place. */
export interface MessageHead extends MessageRef {
  /** The publisher's id for it. */
  readonly id: string;
  /** The identity that published it. */
  readonly publisher: string;
  /** Bytes of its body. */
  readonly size: number;
  /** Checksum of its body, to tell a resent message from another one under the same id. */
  readonly checksum: number;
}
