/**
 * Chance that can be replayed: the same seed throws the same.
 *
 * @module
 */

/** Throws that follow from a seed (mulberry32). */
export class Dice {
  #state: number;

  /** Dice of a whole number. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0 to below 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** True so often. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }
}

/** A seed that is hardly ever the same, for runs that are not a replay. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
