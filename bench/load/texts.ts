/**
 * Texts that say when they were due, and are otherwise nothing that anybody could compress.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

/** Characters of the moment: milliseconds since the Unix epoch with three decimals. */
const STAMP = 17;
const FILLINGS = 64;

/** Makes texts of `size` bytes. */
export class Texts {
  readonly #fillings: readonly string[];
  #next = 0;

  /** Makes what the texts are filled with. */
  constructor(size: number) {
    if (size < STAMP) throw new RangeError(`a text needs at least ${STAMP} bytes`);
    this.#fillings = Array.from({ length: FILLINGS }, () => {
      return Buffer.from(randomBytes(size)).toString("base64").slice(0, size - STAMP);
    });
  }

  /** The next text, due at `dueMs`. */
  make(dueMs: number): string {
    return dueMs.toFixed(3).padStart(STAMP, "0") + this.#fillings[this.#next++ % FILLINGS]!;
  }
}

/** When a text was due, in milliseconds since the Unix epoch. */
export function dueMsOf(text: string): number {
  return Number(text.slice(0, STAMP));
}
