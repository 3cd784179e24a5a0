/**
 * A message as the core knows it: who it is from and for, and how large. Never what it says.
 *
 * @module
 */
import type { Lease } from "./in_flight.ts";

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

/** A queued message and where it stands. A million of these may be in memory: keep it small. */
export class Message implements MessageHead {
  readonly queue: string;
  readonly receiver: string;
  readonly seq: number;
  readonly id: string;
  readonly publisher: string;
  readonly size: number;
  readonly checksum: number;
  /** When it was accepted, in milliseconds since the Unix epoch. */
  readonly acceptedMs: number;
  /** How often it was handed to a consumer. */
  deliveries: number;
  /** Who has it now; nobody while it waits. */
  lease: Lease | undefined = undefined;
  /** It was acknowledged and must not be delivered again. */
  removed = false;

  /** Takes the facts of a message that waits. */
  constructor(head: MessageHead, acceptedMs: number, deliveries = 0) {
    this.queue = head.queue;
    this.receiver = head.receiver;
    this.seq = head.seq;
    this.id = head.id;
    this.publisher = head.publisher;
    this.size = head.size;
    this.checksum = head.checksum;
    this.acceptedMs = acceptedMs;
    this.deliveries = deliveries;
  }
}
