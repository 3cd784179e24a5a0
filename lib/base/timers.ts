/**
 * Doing something later as a parameter, so that a simulator decides when later is.
 *
 * @module
 */

/** Takes back what was asked for; does nothing when it was done already or taken back before. */
export type Cancel = () => void;

/** Does things later. */
export interface Timers {
  /** Runs `work` once, in `ms` milliseconds. */
  after(ms: number, work: () => void): Cancel;
  /** Runs `work` every `ms` milliseconds, for the first time in `ms` milliseconds. */
  every(ms: number, work: () => void): Cancel;
  /** Runs `work` once when everything that has arrived by now was taken. */
  soon(work: () => void): void;
}

/** The machine's timers and event loop. */
export const systemTimers: Timers = {
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
  soon: (work) => void setImmediate(work),
};
