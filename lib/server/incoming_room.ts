/**
 * The memory for what clients have sent and the broker has not answered, of all connections
 * together: who may be read on when it is full.
 *
 * Half of it is for everybody. When that is used up, whoever holds more than a little of its own is
 * not read any more, but for a few who are let on to the end of their lines: the other half has room
 * for the longest line of each of them. So those who are held up wait for commits and for lines that
 * either end or run out of time, and never for each other.
 *
 * @module
 */
import type { Limits } from "../base/limits.ts";

/** What a connection may always hold, in bytes: about one piece as it comes from the network. */
export const OWN_BYTES = 64 * 1024;

/** A connection that holds bytes. */
export interface Holder {
  /** It was held up, and may go on now. */
  readOn(): void;
}

/** Counts the bytes that connections hold, and says who may be read. */
export class IncomingRoom {
  readonly #sharedBytes: number;
  readonly #maxFavoured: number;
  readonly #held = new Map<Holder, number>();
  /** Held up, in the order in which they came to be. */
  readonly #waiting = new Set<Holder>();
  readonly #favoured = new Set<Holder>();
  #heldBytes = 0;

  /** Makes a room that nobody uses yet. */
  constructor(
    { maxIncomingBytes, maxLineBytes }: Pick<Limits, "maxIncomingBytes" | "maxLineBytes">,
  ) {
    this.#sharedBytes = Math.floor(maxIncomingBytes / 2);
    this.#maxFavoured = Math.floor(this.#sharedBytes / maxLineBytes);
  }

  /** Bytes held by all. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** What is for everybody is used up. */
  get full(): boolean {
    return this.#heldBytes >= this.#sharedBytes;
  }

  /** Notes that `holder` holds `bytes` now; 0 lets it go. */
  set(holder: Holder, bytes: number): void {
    this.#heldBytes += bytes - this.#of(holder);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
    if (bytes <= OWN_BYTES) {
      this.#favoured.delete(holder);
      this.#waiting.delete(holder);
    }
    this.#letOn();
  }

  /** Whether `holder`, none of whose commands waits, may be read. If not, its `readOn` is called when it may. */
  admits(holder: Holder): boolean {
    const mayRead = this.#of(holder) <= OWN_BYTES || !this.full || this.#favoured.has(holder);
    if (mayRead) return true;
    if (this.#favoured.size < this.#maxFavoured) {
      this.#favoured.add(holder);
      return true;
    }
    this.#waiting.add(holder);
    return false;
  }

  /** Whether `holder` keeps others waiting. */
  isInTheWay(holder: Holder): boolean {
    return this.full && this.#of(holder) > OWN_BYTES;
  }

  #of(holder: Holder): number {
    return this.#held.get(holder) ?? 0;
  }

  #letOn(): void {
    for (const holder of this.#waiting) {
      if (this.full && this.#favoured.size >= this.#maxFavoured) return;
      this.#waiting.delete(holder);
      holder.readOn();
    }
  }
}
