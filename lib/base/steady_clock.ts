/**
 * A clock that nobody can set.
 *
 * @module
 */
import type { Clock, Now } from "./clock.ts";

/**
 * A clock whose wall time goes on from `clock`'s present one by its monotonic clock: however the
 * wall clock is set from now on, no time is left out and none comes again.
 */
export function steadyClock(clock: Clock): Clock {
  const start = clock.now();
  return {
    now(): Now {
      const { monoMs } = clock.now();
      return { wallMs: start.wallMs + Math.floor(monoMs - start.monoMs), monoMs };
    },
  };
}
