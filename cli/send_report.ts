/**
 * What became of the messages of one `send`, told while it runs and at its end.
 *
 * @module
 */
import { CipherMqError } from "../lib/base/errors.ts";
import { counted } from "./counted.ts";
import type { Terminal } from "./terminal.ts";

/** What a spool came to. */
export interface SpoolFacts {
  /** The spool's folder. */
  readonly folder: string;
  /** Messages that are still in it. */
  readonly left: number;
}

/** One reason why messages were not sent. */
interface Failure {
  readonly error: CipherMqError;
  /** The first message that failed so. */
  readonly place: string;
  count: number;
}

const MS = 1000;

/** Counts and judges. */
export class SendReport {
  /** Messages handed to the sender, one for each receiver. */
  sent = 0;
  /** Of these, those that the broker has. */
  acknowledged = 0;
  /** Messages that an earlier run left in the spool and that the broker has now. */
  recovered = 0;
  readonly #terminal: Terminal;
  /** By text. */
  readonly #failures = new Map<string, Failure>();
  #failed = 0;
  /** Messages that are safe, and those that the last line of progress told of. */
  #taken = 0;
  #toldTaken = 0;
  #startMs = performance.now();

  /** Makes one that tells on `terminal`. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Begins to measure the time. */
  start(): void {
    this.#startMs = performance.now();
  }

  /** A message is safe. They become so many at a time: with `--json`, one line for all of them. */
  taken(): void {
    this.#taken++;
    if (!this.#terminal.json) return;
    queueMicrotask(() => {
      if (this.#toldTaken === this.#taken) return;
      this.#toldTaken = this.#taken;
      this.#terminal.data(JSON.stringify({ taken: this.#taken }));
    });
  }

  /** A message failed; `place` says which, as in "line 3 of x". */
  failed(error: CipherMqError, place: string): void {
    this.#failed++;
    const known = this.#failures.get(error.message);
    if (known !== undefined) known.count++;
    else this.#failures.set(error.message, { error, place, count: 1 });
  }

  /** Tells the counts. */
  summarize(resent: number, spool: SpoolFacts | undefined): void {
    const seconds = (performance.now() - this.#startMs) / MS;
    const rate = Math.round(this.acknowledged / seconds);
    const { sent, acknowledged, recovered } = this;
    const failed = this.#failed;
    if (this.#terminal.json) {
      const spooled = spool && { recovered, spooled: spool.left };
      const summary = { sent, acknowledged, failed, resent, ...spooled, seconds, rate };
      this.#terminal.data(JSON.stringify(summary));
      return;
    }
    const counts = `sent ${sent}, acknowledged ${acknowledged}, resent ${resent}`;
    const failures = failed > 0 ? `, failed ${failed}` : "";
    this.#terminal.note(`${counts}${failures} in ${seconds.toFixed(2)} s (${rate}/s)`);
    if (spool !== undefined) this.#noteSpool(spool);
  }

  /**
   * Throws when not everything that was to be sent was accepted. `cutShort`: it was interrupted with
   * messages at hand that it then left; `unreadable`: what stood in the way of reading more.
   */
  judge(cutShort: boolean, unreadable: CipherMqError | undefined): void {
    const failures = [...this.#failures.values()];
    const errors = failures.map(explained);
    if (unreadable !== undefined) errors.push(unreadable);
    const [first, ...others] = errors;
    if (first === undefined) {
      if (!cutShort) return;
      const taken = counted(this.sent, "message was", "messages were");
      const why = `interrupted: ${taken} taken, and what came after was not`;
      throw new CipherMqError("partial", why);
    }
    const none = this.acknowledged + this.recovered === 0;
    if (none && others.every((one) => one.code === first.code)) throw first;
    for (const error of errors) this.#terminal.error(error.message, error.hint);
    throw this.#partial(cutShort || unreadable !== undefined);
  }

  #partial(more: boolean): CipherMqError {
    const failed = this.#failed > 0
      ? `${this.#failed} of ${this.sent} messages were not acknowledged`
      : `${counted(this.acknowledged, "message was", "messages were")} sent`;
    const rest = more ? ", and what came after them was not" : "";
    const hint =
      "what was acknowledged is safe; where the connection was lost the broker may have more: " +
      "with --spool the next send sends the rest, and nothing twice";
    return new CipherMqError("partial", failed + rest, { hint });
  }

  #noteSpool({ folder, left }: SpoolFacts): void {
    if (this.recovered > 0) this.#terminal.note(`sent ${counted(this.recovered)} from ${folder}`);
    if (left > 0) {
      const stay = counted(left, "message stays", "messages stay");
      this.#terminal.note(`${stay} in ${folder} for the next send`);
    }
  }
}

/** With which message it was, where that is to blame and not the way or the receiver. */
function explained({ error, place, count }: Failure): CipherMqError {
  if (!/^(?:invalid_message|limit|conflict)$/.test(error.code)) return error;
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return new CipherMqError(error.code, `${place}${more}: ${error.message}`, {
    cause: error,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}
