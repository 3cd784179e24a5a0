/**
 * Random numbers and bytes that one seed decides.
 *
 * @module
 */
import type { Entropy } from "../../lib/base/random.ts";
import { seededRandom } from "../support/core_driver.ts";

/** Randomness that looks like the machine's and is the same in every run. */
export class SeededEntropy implements Entropy {
  readonly #numbers;

  /** Begins the sequence of a seed, a whole number of 32 bits. */
  constructor(seed: number) {
    this.#numbers = seededRandom(seed);
  }

  uint32(): number {
    return this.#numbers.uint32();
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.uint32();
    return new Uint8Array(words.buffer, 0, length);
  }

  uuid(): string {
    const hex = this.bytes(16).toHex();
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
    return `${parts.join("-")}-${"89ab"[this.below(4)]}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.uint32() / 2 ** 32 * end);
  }

  /** True once in `1 / probability` times. */
  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  /** One of some things, which must not be none. */
  pick<T>(things: readonly T[]): T {
    return things[this.below(things.length)]!;
  }

  /** A number from `from` to below `to`. */
  between(from: number, to: number): number {
    return from + this.uint32() / 2 ** 32 * (to - from);
  }

  /** Another sequence, so that who draws more of it does not change what others draw. */
  fork(): SeededEntropy {
    return new SeededEntropy(this.uint32());
  }
}
