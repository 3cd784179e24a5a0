/**
 * How much may wait to be sent to each client, so that all of them together stay within a bound.
 *
 * @module
 */
import type { Limits } from "../base/limits.ts";

/** What a client may have waiting however many there are, in bytes. */
const LEAST_BYTES = 64 * 1024;

/** Shares room for what waits to be sent among the clients that are connected. */
export class UnsentShare {
  readonly #limits: Pick<Limits, "maxUnsentBytes" | "maxOutgoingBytes">;
  readonly #leastBytes: number;
  #clients = 0;

  /** Room that nobody has a share of yet. */
  constructor(limits: Pick<Limits, "maxUnsentBytes" | "maxOutgoingBytes">) {
    this.#limits = limits;
    this.#leastBytes = Math.min(LEAST_BYTES, limits.maxUnsentBytes);
  }

  /** What may wait for one client now: the less the more there are. */
  get bytes(): number {
    const { maxUnsentBytes, maxOutgoingBytes } = this.#limits;
    const share = Math.floor(maxOutgoingBytes / Math.max(this.#clients, 1));
    return Math.max(this.#leastBytes, Math.min(share, maxUnsentBytes));
  }

  /**
   * What was pushed to a client who must have drained before it gets more is at least this, also when
   * shares were smaller then than they are now.
   */
  get worthDraining(): number {
    return this.#leastBytes / 2;
  }

  /** A client came. */
  joined(): void {
    this.#clients++;
  }

  /** A client left. */
  left(): void {
    this.#clients--;
  }
}
