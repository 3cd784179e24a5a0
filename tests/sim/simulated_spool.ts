/**
 * A sender's spool on a disk that survives it.
 *
 * @module
 */
import type { OutgoingMessage } from "../../lib/client/sender_window.ts";
import type { Spool, SpooledMessage } from "../../lib/client/spool.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";

/** What survives a sender. */
export class SpoolDisk implements Spool {
  readonly #random: SeededEntropy;
  readonly #messages = new Map<number, SpooledMessage>();
  /** Removed since the last sync: a power cut may bring them back. */
  #removed: SpooledMessage[] = [];
  #next = 0;

  /** Empty. */
  constructor(random: SeededEntropy) {
    this.#random = random;
  }

  get size(): number {
    return this.#messages.size;
  }

  add(messages: readonly OutgoingMessage[]): number {
    const first = this.#next;
    for (const message of messages) {
      const place = this.#next++;
      this.#messages.set(place, { ...message, place });
    }
    this.#removed = [];
    return first;
  }

  after(place: number, limit: number): SpooledMessage[] {
    return [...this.#messages.values()].toSorted((a, b) => a.place - b.place)
      .filter((message) => message.place > place).slice(0, limit);
  }

  remove(places: readonly number[]): void {
    for (const place of places) {
      const message = this.#messages.get(place);
      if (message !== undefined) this.#removed.push(message);
      this.#messages.delete(place);
    }
  }

  /** The power is cut. */
  crash(): void {
    if (this.#random.chance(0.5)) {
      for (const message of this.#removed) this.#messages.set(message.place, message);
    }
    this.#removed = [];
  }

  close(): void {}
}
