/**
 * Histories that once broke a promise, of the program or of the simulator, and that every run lives
 * through again. A seed means the same history only as long as the simulator draws the same numbers.
 *
 * @module
 */

/** The seeds. */
export const SAVED_SEEDS: readonly number[] = [
  20,
  24,
  40,
  54,
  105,
  346,
  349,
  739,
  1_000_302,
  1_000_527,
  1_000_633,
  1_001_723,
  1_002_888,
  3_000_161,
  5_000_078,
  30_028_639,
  40_054_918,
  50_029_312,
  60_028_631,
];
