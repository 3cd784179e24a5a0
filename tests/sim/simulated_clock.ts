/**
 * Time that passes only from one thing to the next: a queue of what is to happen, ordered by moment and,
 * within one, by when it was asked for.
 *
 * @module
 */
import process from "node:process";
import type { Clock, Now } from "../../lib/base/clock.ts";
import type { Cancel, Timers } from "../../lib/base/timers.ts";
import { Heap } from "../../lib/core/heap.ts";

/** Something that is to happen. */
interface Event {
  ms: number;
  /** How many were asked for before it. */
  place: number;
  /** Nothing when it was taken back. */
  work: (() => void) | undefined;
}

/** When simulated time begins, in milliseconds since the Unix epoch. */
const WALL_START_MS = 1_700_000_000_000;

/** The clock and the timers of a simulation. */
export class SimulatedClock implements Clock, Timers {
  readonly #events = new Heap<Event>((one, other) =>
    one.ms < other.ms || (one.ms === other.ms && one.place < other.place)
  );
  #asked = 0;
  #nowMs = 0;
  #wallStartMs = WALL_START_MS;
  #happened = 0;

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many things have happened. */
  get happened(): number {
    return this.#happened;
  }

  now(): Now {
    return { wallMs: this.#wallStartMs + Math.floor(this.#nowMs), monoMs: this.#nowMs };
  }

  /** Somebody sets the wall clock, `ms` milliseconds forward or back. */
  jump(ms: number): void {
    this.#wallStartMs += ms;
  }

  after(ms: number, work: () => void): Cancel {
    const event = this.#add(this.#nowMs + ms, work);
    return () => event.work = undefined;
  }

  every(ms: number, work: () => void): Cancel {
    let next: Event;
    const again = () => {
      next = this.#add(this.#nowMs + ms, again);
      work();
    };
    next = this.#add(this.#nowMs + ms, again);
    return () => next.work = undefined;
  }

  soon(work: () => void): void {
    this.#add(this.#nowMs, work);
  }

  /**
   * Lets things happen until `promise` has an outcome, and gives it. Between two of them all promises
   * settle that can. Throws when `limitMs` milliseconds have passed or nothing is left to happen.
   */
  async until<T>(promise: Promise<T>, limitMs = Infinity): Promise<T> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.#run(() => settled, this.#nowMs + limitMs);
    if (!settled) throw new Error(`not done at ${this.#nowMs} ms of simulated time`);
    return await promise;
  }

  /** Lets `ms` milliseconds pass. */
  async pass(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(ms, resolve);
    await this.until(promise);
  }

  /**
   * Between two events the machine runs all microtasks, and the tick that the last of them asks for is
   * the next event. The machine decides about nothing here: there is nothing else that it waits for.
   */
  #run(isOver: () => boolean, endMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn = () => {
      try {
        if (isOver() || !this.#next(endMs)) return resolve();
      } catch (error) {
        return reject(error);
      }
      queueMicrotask(rest);
    };
    const rest = () => process.nextTick(turn);
    // Not from here: until this microtask is over, no other one ends.
    setImmediate(turn);
    return promise;
  }

  /** Makes the next event happen; false when there is none before the end. */
  #next(endMs: number): boolean {
    for (let event = this.#events.peek(); event !== undefined; event = this.#events.peek()) {
      if (event.ms > endMs) return false;
      this.#events.pop();
      if (event.work === undefined) continue;
      this.#nowMs = event.ms;
      this.#happened++;
      event.work();
      return true;
    }
    return false;
  }

  #add(ms: number, work: () => void): Event {
    const event = { ms, place: this.#asked++, work };
    this.#events.push(event);
    return event;
  }
}
