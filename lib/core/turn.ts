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

/** Messages that may expire in one step. */
const MAX_EXPIRED = 10_000;

/** The moment of a step and its effects. */
export class Turn {
  /** When it happens. */
  readonly now: Now;
  /** How many more messages may expire in it, so that a million never stall the broker. */
  mayExpire = MAX_EXPIRED;
  readonly #out: Effect[];

  /** Makes a turn that adds its effects to `out`. */
  constructor(now: Now, out: Effect[]) {
    this.now = now;
    this.#out = out;
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
    const refusal = { kind: "refused", code, text } as const;
    this.answer(peer, id === undefined ? refusal : { ...refusal, id });
  }

  /** Sends a message to who holds it. */
  deliver(peer: Peer, message: Message, fetched: boolean): void {
    this.#out.push({ kind: "deliver", connection: peer.connection, message, fetched });
  }
}
