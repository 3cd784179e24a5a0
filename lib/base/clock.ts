/**
 * Time as a parameter: pure code gets a {@linkcode Now}, the edges ask a {@linkcode Clock}.
 *
 * @module
 */

/** One moment, on both clocks. */
export interface Now {
  /** Milliseconds since the Unix epoch. May jump; for what survives a restart. */
  readonly wallMs: number;
  /** Milliseconds since some moment of this process. Never jumps; for durations. */
  readonly monoMs: number;
}

/** Where the time comes from. */
export interface Clock {
  /** The present moment. */
  now(): Now;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => ({ wallMs: Date.now(), monoMs: performance.now() }),
};
