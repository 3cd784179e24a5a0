/**
 * When to connect again, and when to give up. Pure: time is an argument.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";

/** How long a client tries. */
export interface ReconnectOptions {
  /** Give up when no connection came about for this long, in milliseconds. Default: never. */
  readonly reconnectForMs?: number;
  /** The waits between attempts. */
  readonly backoff?: BackoffOptions;
}

/** A connection that lasted this long starts the back-off anew; a shorter one is one more failure. */
const STABLE_MS = 1_000;

/** The state of one client's connecting. */
export class Reconnect {
  readonly #backoff: Backoff;
  readonly #reconnectForMs: number;
  #downSinceMs: number;
  #upSinceMs: number | undefined;

  /** Starts without a connection. */
  constructor(random: Random, nowMs: number, options: ReconnectOptions = {}) {
    this.#backoff = new Backoff(random, options.backoff);
    this.#reconnectForMs = options.reconnectForMs ?? Infinity;
    this.#downSinceMs = nowMs;
  }

  /** A connection works. */
  up(nowMs: number): void {
    this.#upSinceMs = nowMs;
  }

  /** The connection ended or an attempt failed: gives the wait in milliseconds, or nothing to give up. */
  down(nowMs: number): number | undefined {
    if (this.#upSinceMs !== undefined) {
      if (nowMs - this.#upSinceMs >= STABLE_MS) this.#backoff.reset();
      this.#upSinceMs = undefined;
      this.#downSinceMs = nowMs;
    }
    const leftMs = this.#downSinceMs + this.#reconnectForMs - nowMs;
    return leftMs <= 0 ? undefined : Math.min(this.#backoff.next(), leftMs);
  }
}
