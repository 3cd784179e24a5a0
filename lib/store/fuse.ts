/**
 * Fail-stop: after the first failure nothing is tried again.
 *
 * @module
 */
import type { CipherMqError } from "../base/errors.ts";

/** Runs a store's work until it fails once. */
export class Fuse {
  readonly #explain: (error: unknown) => CipherMqError;
  #failure: CipherMqError | undefined;

  /** A fuse whose failures `explain` makes errors of. */
  constructor(explain: (error: unknown) => CipherMqError) {
    this.#explain = explain;
  }

  /** Runs `work`, unless something failed before: then it rejects with that failure. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    this.requireWhole();
    try {
      return await work();
    } catch (error) {
      throw this.blow(error);
    }
  }

  /** Does `work` at once, unless something failed before: then it throws that failure. */
  runNow<T>(work: () => T): T {
    this.requireWhole();
    try {
      return work();
    } catch (error) {
      throw this.blow(error);
    }
  }

  /** Throws the failure, if something failed before. For work whose own failure is not the store's. */
  requireWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Takes a failure, and gives the one that every later call rejects with: the first. */
  blow(error: unknown): CipherMqError {
    return this.#failure ??= this.#explain(error);
  }
}
