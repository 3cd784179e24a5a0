/**
 * Logs connections that got nowhere, a bounded number of lines a second: whoever can open
 * connections must not be able to fill the disk with lines about them.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";

const LINES_PER_SECOND = 10;
const WINDOW_MS = 1_000;

const log = logger("listener");

/** Writes one line per refusal, up to ten a second; the next line tells how many were left out. */
export class RefusalLog {
  readonly #clock: Clock;
  #windowStartMs = -Infinity;
  #lines = 0;
  #leftOut = 0;

  /** Measures its seconds by `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that a connection from `address` was refused; `code` is the platform's for it. */
  note(reason: string, address: string, code?: string): void {
    const { monoMs } = this.#clock.now();
    if (monoMs - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = monoMs;
      this.#lines = 0;
    }
    if (this.#lines >= LINES_PER_SECOND) {
      this.#leftOut++;
      return;
    }
    this.#lines++;
    const facts: Record<string, string | number> = { reason, address };
    if (code !== undefined) facts.code = code;
    if (this.#leftOut > 0) facts.leftOut = this.#leftOut;
    this.#leftOut = 0;
    log.warn("connection refused", facts);
  }
}
