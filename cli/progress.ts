/**
 * How far `send` is, for a person at a terminal; nothing for anybody else.
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

  /** Makes one that is not drawn yet, for so many messages where that is known. */
  constructor(terminal: Terminal, total: number | undefined) {
    this.#total = total;
    if (!terminal.interactive) return;
    const format = total === undefined
      ? "{value} of {total} acknowledged"
      : "[{bar}] {value}/{total} acknowledged, {eta_formatted} left";
    this.#bar = new cliProgress.SingleBar({ format, fps: FPS, clearOnComplete: true });
  }

  /** Draws it. */
  start(): void {
    this.#bar?.start(this.#total ?? 0, 0);
  }

  /** Shows what has been acknowledged. */
  update(acknowledged: number, sent: number): void {
    if (this.#bar === undefined) return;
    if (this.#total === undefined) this.#bar.setTotal(sent);
    this.#bar.update(acknowledged);
  }

  /** Takes it away. */
  stop(): void {
    this.#bar?.stop();
  }
}
