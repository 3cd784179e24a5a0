/**
 * How long each message took.
 *
 * @module
 */
import type { Latency } from "./task.ts";

/** The first messages meet a program that is not compiled yet; this part of them is not looked at. */
const WARM_UP = 0.1;
/** Asked once: it is not free. */
const START_MS = performance.timeOrigin;

/** The moment, in milliseconds since the Unix epoch, finer than `Date.now` has it. */
export function wallMs(): number {
  return START_MS + performance.now();
}

/** Collects one duration for each message, in the order they end. */
export class Latencies {
  readonly #all: number[] = [];

  /** Adds one, in milliseconds. */
  add(ms: number): void {
    this.#all.push(ms);
  }

  /** How many there are. */
  get count(): number {
    return this.#all.length;
  }

  /** The percentiles, without the warm-up. */
  report(): Latency {
    const sorted = this.#all.slice(Math.floor(this.#all.length * WARM_UP)).toSorted((a, b) =>
      a - b
    );
    const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  }
}
