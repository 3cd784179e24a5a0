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

/** Why a message became a dead letter. */
export type DeadReason = "max_deliveries" | "rejected" | "expired";

/** What a dead letter was before. */
export interface DeadLetter {
  /** Why it is one. */
  readonly reason: DeadReason;
  /** What its receiver said when it rejected it; empty otherwise. */
  readonly text: string;
  /** How often it had been delivered. */
  readonly deliveries: number;
  /** When it became one, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** The queue it was in. */
  readonly queue: string;
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
  /** The exchange it was published to. */
  readonly exchange: string;
  /** The routing key it was published with. */
  readonly routingKey: string;
  /** When its time to live is over, in milliseconds since the Unix epoch; 0 for never. */
  readonly expiresMs: number;
  /** What it was before it became a dead letter; absent for a living message. */
  readonly dead?: DeadLetter | undefined;
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
  readonly exchange: string;
  readonly routingKey: string;
  readonly expiresMs: number;
  readonly dead: DeadLetter | undefined;
  /** When it was accepted, in milliseconds since the Unix epoch. */
  readonly acceptedMs: number;
  /** How often it was handed to a consumer. */
  deliveries: number;
  /** Who has it now; nobody while it waits. */
  lease: Lease | undefined = undefined;
  /** It left its queue, by an ack or otherwise, and must not be delivered again. */
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
    this.exchange = head.exchange;
    this.routingKey = head.routingKey;
    this.expiresMs = head.expiresMs;
    this.dead = head.dead;
    this.acceptedMs = acceptedMs;
    this.deliveries = deliveries;
  }
}
