/**
 * When messages expire.
 *
 * - I10: of those of a lane that expire together, the first one is the first dead letter.
 * - I12: none waits longer than its time and a tick.
 *
 * @module
 */
import type { MessageHead } from "../../lib/core/message.ts";
import type { Verdict } from "./verdict.ts";

/** A tick is promised every 250 ms; two moments, as whole milliseconds of the wall clock. */
const LONGEST_MS = 250 + 2;

/** Knows what time the broker must have seen, from its commits alone. */
export class ExpiryChecker {
  readonly #verdict: Verdict;
  readonly #nowMs: () => number;
  /** The moment of the last commit that was asked for, and on the wall clock of the present broker. */
  #monoMs = 0;
  #wallMs = -Infinity;
  /** The broker has looked at all that was over by then, on the same clock. */
  #lookedMs = -Infinity;
  /** Since when it looks at all. */
  #looksSinceMs = Infinity;
  /** The last of each lane that expired and had never been handed out. */
  readonly #last = new Map<string, MessageHead>();

  /** No broker runs yet. */
  constructor(verdict: Verdict, nowMs: () => number) {
    this.#verdict = verdict;
    this.#nowMs = nowMs;
  }

  /** A broker starts, with a clock of its own. */
  started(): void {
    this.#wallMs = this.#lookedMs = -Infinity;
    this.#looksSinceMs = this.#nowMs();
    // What was handed out before is not known any more: it may be behind what expired meanwhile.
    this.#last.clear();
  }

  /** It stops in order: it still answers, and ticks no more. */
  stopping(): void {
    this.#looksSinceMs = Infinity;
  }

  /** It asks for a commit. */
  asked(wallMs: number): void {
    // A tick that was due before the last commit was asked for was in it, or in an earlier one.
    if (this.#monoMs - this.#looksSinceMs > LONGEST_MS) this.#lookedMs = this.#wallMs - LONGEST_MS;
    this.#monoMs = this.#nowMs();
    this.#wallMs = wallMs;
  }

  /** Whether a message was over when the last commit was asked for. */
  isOver({ expiresMs }: MessageHead): boolean {
    return expiresMs > 0 && expiresMs <= this.#wallMs;
  }

  /** A message is a dead letter because it waited too long, and nobody was ever given it. */
  expired(message: MessageHead): void {
    const { id, queue, receiver, seq, expiresMs } = message;
    this.#verdict.require(
      expiresMs > this.#lookedMs,
      "I12",
      () => `${id} expires in ${queue}, and should have ${this.#lookedMs - expiresMs} ms ago`,
    );
    const lane = `${queue} ${receiver}`;
    const last = this.#last.get(lane);
    this.#verdict.require(
      last?.expiresMs !== expiresMs || last.seq < seq,
      "I10",
      () =>
        `${id} expires in ${queue} behind ${last?.id}, which has the same time and stood behind it`,
    );
    this.#last.set(lane, message);
  }
}
