/**
 * Randomness as a parameter, so that a simulator can replay it.
 *
 * @module
 */

/** Where random numbers come from. */
export interface Random {
  /** A whole number from 0 to 2^32 - 1, all equally likely. */
  uint32(): number;
}

/** Randomness that nobody can guess: keys and nonces are made of it. */
export interface Entropy extends Random {
  /** So many random bytes, which belong to the caller. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** A random UUID (RFC 9562, version 4). */
  uuid(): string;
}

/** The machine's cryptographic random source. */
export const systemRandom: Entropy = {
  uint32: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  uuid: () => crypto.randomUUID(),
};
