/**
 * A program of a simulation that may be killed: from then on nothing of it happens any more.
 *
 * @module
 */
import type { Runtime } from "../../lib/base/runtime.ts";
import type { Cancel, Timers } from "../../lib/base/timers.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";
import type { SimulatedClock } from "./simulated_clock.ts";
import type { SimulatedWire } from "./simulated_wire.ts";

/** One program from its start to its end. */
export class SimulatedProcess implements Timers {
  /** Its end of each of its connections. */
  readonly wires = new Set<SimulatedWire>();
  readonly runtime: Runtime;
  readonly #clock: SimulatedClock;
  readonly #repeated = new Set<Cancel>();
  #alive = true;

  /** A program that runs. */
  constructor(clock: SimulatedClock, random: SeededEntropy) {
    this.#clock = clock;
    this.runtime = { clock, timers: this, random };
  }

  /** Whether it was not killed. */
  get alive(): boolean {
    return this.#alive;
  }

  after(ms: number, work: () => void): Cancel {
    return this.#clock.after(ms, () => this.#do(work));
  }

  every(ms: number, work: () => void): Cancel {
    const stop = this.#clock.every(ms, work);
    const cancel = () => {
      this.#repeated.delete(cancel);
      stop();
    };
    this.#repeated.add(cancel);
    return cancel;
  }

  soon(work: () => void): void {
    this.#clock.soon(() => this.#do(work));
  }

  /** Waits. Never over when it is killed meanwhile. */
  pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(ms, resolve);
    return promise;
  }

  /** Ends it at once, between two things that happen. Its machine resets its connections. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const cancel of this.#repeated) cancel();
    for (const wire of this.wires) wire.abandon();
  }

  #do(work: () => void): void {
    if (this.#alive) work();
  }
}
