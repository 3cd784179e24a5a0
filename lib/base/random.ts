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

/** The machine's cryptographic random source. */
export const systemRandom: Random = {
  uint32: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
};
