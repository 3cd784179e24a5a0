/**
 * What a program gets from the machine besides files and sockets. Whoever takes a {@linkcode Runtime}
 * can run in a simulator, which has another one.
 *
 * @module
 */
import { type Clock, systemClock } from "./clock.ts";
import { type Entropy, systemRandom } from "./random.ts";
import { systemTimers, type Timers } from "./timers.ts";

/** Time and chance. */
export interface Runtime {
  /** Tells the time. */
  readonly clock: Clock;
  /** Does things later. */
  readonly timers: Timers;
  /** Draws random numbers and bytes. */
  readonly random: Entropy;
}

/** The machine's. */
export const systemRuntime: Runtime = {
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
};
