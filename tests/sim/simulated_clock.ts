/**
 * Time that passes only from one thing to the next: a queue of what is to happen, ordered by moment and,
 * within one, by when it was asked for.
 *
 * @module
 */
import { Fifo } from "../../lib/base/fifo.ts";
import type { Clock, Now } from "../../lib/base/clock.ts";
import type { Cancel, Timers } from "../../lib/base/timers.ts";
import { Heap } from "../../lib/core/heap.ts";

/** Something that is to happen; nothing when it was taken back. */
interface Event {
  work: (() => void) | undefined;
}

/** When simulated time begins, in milliseconds since the Unix epoch. */
const WALL_START_MS = 1_700_000_000_000;
/** Turns of the event loop that are asked for at once: one at a time costs five times as much. */
const TURNS = 64;

/** The clock and the timers of a simulation. */
export class SimulatedClock implements Clock, Timers {
  readonly #moments = new Heap<number>((one, other) => one < other);
  readonly #events = new Map<number, Fifo<Event>>();
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
    const event: Event = { work };
    this.#add(this.#nowMs + ms, event);
    return () => event.work = undefined;
  }

  every(ms: number, work: () => void): Cancel {
    const event: Event = {
      work: () => {
        this.#add(this.#nowMs + ms, event);
        work();
      },
    };
    this.#add(this.#nowMs + ms, event);
    return () => event.work = undefined;
  }

  soon(work: () => void): void {
    this.#add(this.#nowMs, { work });
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
   * One event in each turn of the machine's event loop, which ends by running all microtasks: the
   * machine decides about nothing here, because there is nothing else that it waits for.
   */
  #run(isOver: () => boolean, endMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let turns = 1;
    let over = false;
    const turn = () => {
      if (over) return;
      try {
        over = isOver() || !this.#next(endMs);
      } catch (error) {
        over = true;
        return reject(error);
      }
      if (over) return resolve();
      if (--turns > 0) return;
      for (; turns < TURNS; turns++) setImmediate(turn);
    };
    setImmediate(turn);
    return promise;
  }

  /** Makes the next event happen; false when there is none before the end. */
  #next(endMs: number): boolean {
    for (let ms = this.#moments.peek(); ms !== undefined; ms = this.#moments.peek()) {
      const events = this.#events.get(ms)!;
      for (let event = events.peek(); event !== undefined; event = events.peek()) {
        if (ms > endMs) return false;
        events.shift();
        if (event.work === undefined) continue;
        this.#nowMs = ms;
        this.#happened++;
        event.work();
        return true;
      }
      this.#moments.pop();
      this.#events.delete(ms);
    }
    return false;
  }

  #add(ms: number, event: Event): void {
    let events = this.#events.get(ms);
    if (events === undefined) {
      events = new Fifo();
      this.#events.set(ms, events);
      this.#moments.push(ms);
    }
    events.push(event);
  }
}
