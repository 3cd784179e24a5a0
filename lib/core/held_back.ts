/**
 * The order of what a connection publishes while there is no room. Messages that were in flight
 * behind one that found none must not overtake it when room appears between the two.
 *
 * @module
 */

/** What is in flight behind a refused message follows it without a pause as long as this. */
const QUIET_MS = 2_000;
/** Whoever never publishes the refused message again is refused no longer than this for its sake. */
const MAX_MS = 10_000;
/** Routes of one connection for which a refused message is known; the longest known one goes first. */
const MAX_ROUTES = 1_000;

/** A message that found no room, and what was refused behind it. */
interface Refused {
  readonly id: string;
  readonly why: string;
  readonly sinceMs: number;
  /** The latest that was refused behind it, itself at first, and when. */
  lastId: string;
  lastMs: number;
}

/** By route, the first message of a connection that found no room and was not published again. */
export class HeldBack {
  readonly #routes = new Map<string, Refused>();

  /** For how many routes it holds messages back. */
  get size(): number {
    return this.#routes.size;
  }

  /**
   * Why a message is refused although there may be room: the reason of the one before it. Nothing
   * once that one, or the latest behind it, is published again, or nothing more came for 2 seconds;
   * in any case after 10 seconds.
   */
  reason(route: string, id: string, nowMs: number): string | undefined {
    const first = this.#routes.get(route);
    if (first === undefined) return undefined;
    const isRetry = id === first.id || id === first.lastId;
    if (isRetry || nowMs - first.lastMs >= QUIET_MS || nowMs - first.sinceMs >= MAX_MS) {
      this.#routes.delete(route);
      return undefined;
    }
    first.lastId = id;
    first.lastMs = nowMs;
    return first.why;
  }

  /** Holds back what comes behind a message that found no room. */
  hold(route: string, id: string, why: string, nowMs: number): void {
    this.#routes.set(route, { id, why, sinceMs: nowMs, lastId: id, lastMs: nowMs });
    if (this.#routes.size <= MAX_ROUTES) return;
    const [oldest] = this.#routes.keys();
    this.#routes.delete(oldest!);
  }
}
