/**
 * How far `send` or `backup` is, for a person at a terminal; nothing for anybody else.
 *
 * @module
 */
import cliProgress from "cli-progress";
import type { Terminal } from "./terminal.ts";

/** The part of a bar of cli-progress that is used. */
interface Bar {
  start(total: number, value: number): void;
  update(value: number): void;
  setTotal(total: number): void;
  stop(): void;
}

/** Redraws per second at most. */
const FPS = 10;

/** A progress bar on stderr where a person looks. */
export class Progress {
  readonly #bar: Bar | undefined;
  readonly #total: number | undefined;

  /** Makes one that is not drawn yet, for so many things where that is known; `done` says what they are. */
  constructor(terminal: Terminal, total: number | undefined, done = "acknowledged") {
    this.#total = total;
    if (!terminal.interactive) return;
    const format = total === undefined
      ? `{value} of {total} ${done}`
      : `[{bar}] {value}/{total} ${done}, {eta_formatted} left`;
    this.#bar = new cliProgress.SingleBar({ format, fps: FPS, clearOnComplete: true });
  }

  /** Draws it. */
  start(): void {
    this.#bar?.start(this.#total ?? 0, 0);
  }

  /** Shows what is done, of `begun` where the whole is not known. */
  update(done: number, begun = done): void {
    if (this.#bar === undefined) return;
    if (this.#total === undefined) this.#bar.setTotal(begun);
    this.#bar.update(done);
  }

  /** Takes it away. */
  stop(): void {
    this.#bar?.stop();
  }
}
