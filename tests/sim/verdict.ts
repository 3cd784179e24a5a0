/**
 * What the checkers of a history found. Each names the promise that was broken; `docs/testing.md`
 * lists them.
 *
 * @module
 */

/** A promise that a history may break. */
export type Promise14 =
  | `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `I1${0 | 1 | 2 | 3 | 4}`
  /** A program ended or answered as no fault explains. */
  | "sanity";

/** Broken promises. */
export class Verdict {
  readonly violations: string[] = [];
  readonly #nowMs: () => number;
  readonly #trace: string[] | undefined;

  /** Nothing is broken yet. With a trace, whatever happens is added to it. */
  constructor(nowMs: () => number, trace?: string[]) {
    this.#nowMs = nowMs;
    this.#trace = trace;
  }

  /** Whether something is broken. */
  get isBroken(): boolean {
    return this.violations.length > 0;
  }

  /** Whether somebody wants to know what happens. */
  get isTraced(): boolean {
    return this.#trace !== undefined;
  }

  /** A promise is broken. */
  report(promise: Promise14, what: string): void {
    const line = `${promise}: ${what}`;
    this.violations.push(`at ${this.#nowMs().toFixed(3)} ms ${line}`);
    this.note(`BROKEN ${line}`);
  }

  /** Reports unless something holds. */
  require(holds: boolean, promise: Promise14, what: () => string): void {
    if (!holds) this.report(promise, what());
  }

  /** Something happened. */
  note(what: string): void {
    this.#trace?.push(`${this.#nowMs().toFixed(3)} ${what}`);
  }
}
