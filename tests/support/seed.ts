/**
 * Seeds of runs that are no replay.
 *
 * @module
 */

/** A seed that is hardly ever the same. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
