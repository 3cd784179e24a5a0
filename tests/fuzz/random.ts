/**
 * Randomness that a seed gives again, the same on every machine.
 *
 * @module
 */

/** The generator sfc32 (Chris Doty-Humphrey, PractRand): fast, and good enough to fuzz with. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  /** The same three numbers give the same sequence. */
  constructor(seed: number, stream = 0, index = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = index | 0;
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** A whole number from 0 up to, and without, `bound`. */
  below(bound: number): number {
    return Math.floor((this.#next() / 4_294_967_296) * bound);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of them. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** So many random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#next();
    return bytes;
  }

  /** `bytes` cut into pieces, mostly few; what is short, now and then into very small ones. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    const most = this.pick([2 + (bytes.length >> 4), 64, 1 + bytes.length, 1 + bytes.length]);
    for (let start = 0; start < bytes.length;) {
      const end = start + this.between(1, most);
      pieces.push(bytes.subarray(start, end));
      start = end;
    }
    return pieces;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#d++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }
}

/** A number for a text, to be a `stream` of {@linkcode Random} (FNV-1a). */
export function streamOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
