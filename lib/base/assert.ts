/**
 * Checks of what the program itself must keep true. They stay on in production: a broker whose
 * memory is wrong must stop before it answers.
 *
 * @module
 */

/** A broken promise of the program to itself: a bug, never a user's mistake. */
export class AssertionError extends Error {
  /** Makes the error with what should have been true. */
  constructor(message: string) {
    super(`internal error: ${message}`);
    this.name = "AssertionError";
  }
}

/** Throws an {@linkcode AssertionError} unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
