/**
 * How long to wait before the next attempt: exponential, capped, with full jitter, so that
 * many clients that lost the same broker do not come back at the same moment.
 *
 * @module
 */
import type { Random } from "../base/random.ts";

/** How waits grow. */
export interface BackoffOptions {
  /** The first wait is at most this, in milliseconds. Default 100. */
  readonly firstMs?: number;
  /** No wait is longer than this, in milliseconds. Default 5,000. */
  readonly maxMs?: number;
}

/** Where random waits come from: 2^32 values, all equally likely. */
const UINT32_VALUES = 2 ** 32;

/** The waits of one thing that is tried again and again. */
export class Backoff {
  readonly #random: Random;
  readonly #firstMs: number;
  readonly #maxMs: number;
  #boundMs: number;

  /** Starts with the shortest waits. */
  constructor(random: Random, options: BackoffOptions = {}) {
    this.#random = random;
    this.#firstMs = options.firstMs ?? 100;
    this.#maxMs = options.maxMs ?? 5_000;
    this.#boundMs = this.#firstMs;
  }

  /** The wait before the next attempt, in whole milliseconds, at least 1. The bound doubles each time. */
  next(): number {
    const wait = Math.ceil((this.#random.uint32() / UINT32_VALUES) * this.#boundMs);
    this.#boundMs = Math.min(this.#boundMs * 2, this.#maxMs);
    return Math.max(wait, 1);
  }

  /** The last attempt worked: the next failure waits shortly again. */
  reset(): void {
    this.#boundMs = this.#firstMs;
  }
}
