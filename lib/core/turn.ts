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

/** Messages that one step moves or removes at most, so that a million never stall the broker. */
const MAX_MOVED = 10_000;
/** Bytes of them; one message always may. The store copies what is moved within one commit. */
const MAX_MOVED_BYTES = 8 * 1024 * 1024;

/** The moment of a step and its effects. */
export class Turn {
  /** When it happens. */
  readonly now: Now;
  readonly #out: Effect[];
  readonly #stats: Stats;
  #moved = 0;
  #movedBytes = 0;

  /** Makes a turn that adds its effects to `out` and counts in `stats` what it refuses. */
  constructor(now: Now, out: Effect[], stats: Stats) {
    this.now = now;
    this.#out = out;
    this.#stats = stats;
  }

  /** It has moved or removed as much as one step may: the rest is for another one. */
  get exhausted(): boolean {
    return this.#moved >= MAX_MOVED || this.#movedBytes >= MAX_MOVED_BYTES;
  }

  /** Counts a message that is moved or removed. */
  spend({ size }: Message): void {
    this.#moved++;
    this.#movedBytes += size;
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
