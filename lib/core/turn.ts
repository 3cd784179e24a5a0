/**
 * One step of the core: its moment, and where its effects go.
 *
 * @module
 */
import type { Now } from "../base/clock.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { Answer, Change, Effect } from "./effect.ts";
import type { Message } from "./message.ts";
import type { Peer } from "./peer.ts";
import type { Stats } from "./stats.ts";

/** Messages that may expire in one step. */
const MAX_EXPIRED = 10_000;

/** The moment of a step and its effects. */
export class Turn {
  /** When it happens. */
  readonly now: Now;
  /** How many more messages may expire in it, so that a million never stall the broker. */
  mayExpire = MAX_EXPIRED;
  readonly #out: Effect[];
  readonly #stats: Stats;

  /** Makes a turn that adds its effects to `out` and counts in `stats` what it refuses. */
  constructor(now: Now, out: Effect[], stats: Stats) {
    this.now = now;
    this.#out = out;
    this.#stats = stats;
  }

  /** Has a change made durable. */
  change(change: Change): void {
    this.#out.push({ kind: "change", change });
  }

  /** Answers an input. */
  answer(peer: Peer, answer: Answer): void {
    this.#out.push({ kind: "answer", connection: peer.connection, answer });
  }

  /** Answers an input with a refusal; `id` is the published message's. */
  refuse(peer: Peer, code: ErrorCode, text: string, id?: string): void {
    if (code === "limit") this.#stats.limited(id !== undefined);
    const refusal = { kind: "refused", code, text } as const;
    this.answer(peer, id === undefined ? refusal : { ...refusal, id });
  }

  /** Sends a message to who holds it. */
  deliver(peer: Peer, message: Message, fetched: boolean): void {
    this.#out.push({ kind: "deliver", connection: peer.connection, message, fetched });
  }
}
