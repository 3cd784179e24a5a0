/**
 * What is fuzzed: one part of the program that reads what somebody else wrote.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** One part, its inputs and what must hold of each. */
export interface Target {
  /** How it is called on the command line. */
  readonly name: string;
  /** Its part of the inputs, in thousandths of those of all targets. */
  readonly share: number;
  /** Makes an input. */
  readonly make: (random: Random) => Uint8Array;
  /** Throws when something does not hold. `random` decides what the input leaves open. */
  readonly check: (input: Uint8Array, random: Random) => void;
}
