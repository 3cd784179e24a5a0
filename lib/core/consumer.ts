/**
 * A consumer: one connection's subscription to one queue, and its credit.
 *
 * @module
 */
import type { Message } from "./message.ts";
import type { Peer } from "./peer.ts";

/** A subscription with its own credit; credit shared by a connection's queues would stall one for another. */
export class Consumer {
  /** The connection that subscribed. */
  readonly peer: Peer;
  /** The queue's name. */
  readonly queue: string;
  /** Its connection or its queue is gone: it gets nothing more. */
  closed = false;
  readonly #prefetch: number;
  readonly #prefetchBytes: number;
  #unacked = 0;
  #unackedBytes = 0;

  /** Makes a consumer with full credit: `prefetch` messages and `prefetchBytes` bytes. */
  constructor(peer: Peer, queue: string, prefetch: number, prefetchBytes: number) {
    this.peer = peer;
    this.queue = queue;
    this.#prefetch = prefetch;
    this.#prefetchBytes = prefetchBytes;
  }

  /** Whether it may be given anything now. */
  get open(): boolean {
    return !this.closed && this.#unacked < this.#prefetch && !this.peer.congested;
  }

  /** Whether it may be given this message: one always fits, however large. */
  fits(message: Message): boolean {
    return this.open &&
      (this.#unacked === 0 || this.#unackedBytes + message.size <= this.#prefetchBytes);
  }

  /** Spends credit. */
  charge(message: Message): void {
    this.#unacked++;
    this.#unackedBytes += message.size;
  }

  /** Gets credit back. */
  refund(message: Message): void {
    this.#unacked--;
    this.#unackedBytes -= message.size;
  }
}
