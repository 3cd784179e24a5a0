/**
 * Deliveries: who holds which message, and which message an ack means.
 *
 * @module
 */
import type { Consumer } from "./consumer.ts";
import type { Message } from "./message.ts";
import type { Peer } from "./peer.ts";

/** A delivery that waits for its ack. */
export interface Lease {
  /** The connection that holds the message. */
  readonly peer: Peer;
  /** The subscription it came by; none for a fetched message. */
  readonly consumer: Consumer | undefined;
  /** When it was handed out or last prolonged, in monotonic milliseconds. */
  sinceMs: number;
  /** When it was handed out, in monotonic milliseconds. */
  readonly deliveredMs: number;
  /** Grows with every lease: of two, the lower one is held longer. */
  readonly order: number;
}

/** All messages that were delivered at least once and are not acknowledged, found by receiver and id. */
export class InFlight {
  readonly #byReceiver = new Map<string, Map<string, Message[]>>();
  /** The leased messages of each queue, longest unprolonged first. */
  readonly #byQueue = new Map<string, Set<Message>>();
  #leases = 0;

  /** Hands `message` to `peer`. */
  lease(message: Message, peer: Peer, consumer: Consumer | undefined, nowMs: number): void {
    message.lease = { peer, consumer, sinceMs: nowMs, deliveredMs: nowMs, order: this.#leases++ };
    message.deliveries++;
    this.#leasedOf(message.queue).add(message);
    peer.leased.add(message);
    peer.leasedBytes += message.size;
    peer.pushed(message);
    consumer?.charge(message);
    this.#index(message);
  }

  /** Ends the lease of `message`, whatever becomes of it. */
  release(message: Message): Lease | undefined {
    const lease = message.lease;
    if (lease === undefined) return undefined;
    message.lease = undefined;
    const leased = this.#leasedOf(message.queue);
    leased.delete(message);
    if (leased.size === 0) this.#byQueue.delete(message.queue);
    lease.peer.leased.delete(message);
    lease.peer.leasedBytes -= message.size;
    lease.consumer?.refund(message);
    return lease;
  }

  /** Starts the time of all leases anew under which this very connection holds `id`; false without any. */
  prolong(peer: Peer, id: string, nowMs: number): boolean {
    let any = false;
    for (const message of this.#addressedTo(peer, id)) {
      if (message.lease?.peer !== peer) continue;
      any = true;
      message.lease.sinceMs = nowMs;
      const leased = this.#leasedOf(message.queue);
      leased.delete(message);
      leased.add(message);
    }
    return any;
  }

  /** The queues that have leased messages. */
  get queues(): string[] {
    return [...this.#byQueue.keys()];
  }

  /** All leased messages of a queue. */
  leasedIn(queue: string): Message[] {
    return [...this.#byQueue.get(queue) ?? []];
  }

  /** Up to `limit` messages of a queue that were leased or prolonged at `sinceMs` or before. */
  overdue(queue: string, sinceMs: number, limit: number): Message[] {
    const found: Message[] = [];
    for (const message of this.#leasedOf(queue)) {
      if (message.lease!.sinceMs > sinceMs || found.length === limit) break;
      found.push(message);
    }
    return found;
  }

  /** The message `id` that this very connection holds; of several the one it holds longest. */
  held(peer: Peer, id: string): Message | undefined {
    let longest: Message | undefined;
    for (const message of this.#addressedTo(peer, id)) {
      if (message.lease?.peer !== peer) continue;
      if (longest === undefined || message.lease.order < longest.lease!.order) longest = message;
    }
    return longest;
  }

  /** The message `id` that another connection of the peer's identity was given: for a late ack. */
  given(peer: Peer, id: string): Message | undefined {
    return this.#addressedTo(peer, id)[0];
  }

  /** Forgets a message that was acknowledged. */
  forget(message: Message): void {
    const ids = this.#byReceiver.get(message.receiver);
    const candidates = ids?.get(message.id);
    if (ids === undefined || candidates === undefined) return;
    const at = candidates.indexOf(message);
    if (at >= 0) candidates.splice(at, 1);
    if (candidates.length === 0) ids.delete(message.id);
    if (ids.size === 0) this.#byReceiver.delete(message.receiver);
  }

  #leasedOf(queue: string): Set<Message> {
    let leased = this.#byQueue.get(queue);
    if (leased === undefined) this.#byQueue.set(queue, leased = new Set());
    return leased;
  }

  #addressedTo(peer: Peer, id: string): readonly Message[] {
    return this.#byReceiver.get(peer.identity)?.get(id) ?? [];
  }

  #index(message: Message): void {
    let ids = this.#byReceiver.get(message.receiver);
    if (ids === undefined) this.#byReceiver.set(message.receiver, ids = new Map());
    const candidates = ids.get(message.id);
    if (candidates === undefined) ids.set(message.id, [message]);
    else if (!candidates.includes(message)) candidates.push(message);
  }
}
