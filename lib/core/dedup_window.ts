/**
 * What was seen lately: the ids each publisher was given an ACK for, and the ids each receiver
 * acknowledged. An id outlives its message, so that a late retry is still recognised.
 *
 * @module
 */
import { drawSpreadKey, type IdBits, IdTable, type SpreadKey, writeIdBits } from "./id_table.ts";
import type { Random } from "../base/random.ts";

/** How long and how many ids a window remembers. */
export interface DedupWindowOptions {
  /** At least this long, in milliseconds, and at most twice as long. */
  readonly horizonMs: number;
  /** At most so many ids; half of them are forgotten at once when it is reached. */
  readonly maxIds: number;
  /** For the secret that spreads ids over the table. */
  readonly random: Random;
}

/** Remembers ids per owner for a while, in two generations: the older one is dropped whole. */
export class DedupWindow {
  readonly #horizonMs: number;
  readonly #maxIdsPerGeneration: number;
  readonly #key: SpreadKey;
  readonly #owners = new Map<string, number>();
  /** The id that was looked at last, and its bits: mostly it is recalled and then remembered. */
  #lastId: string | undefined;
  readonly #lastBits = new Int32Array(4);
  #young: IdTable;
  #old: IdTable;
  #youngSinceMs = -Infinity;
  /** The earliest times of the ids in each: the clock may have been set back since it began. */
  #youngFirstMs = Infinity;
  #oldFirstMs = Infinity;
  #forgottenEarly = 0;

  /** Makes a window that remembers nothing yet. */
  constructor(options: DedupWindowOptions) {
    this.#horizonMs = options.horizonMs;
    this.#maxIdsPerGeneration = Math.max(1, Math.floor(options.maxIds / 2));
    this.#key = drawSpreadKey(options.random);
    this.#young = new IdTable(this.#key);
    this.#old = new IdTable(this.#key);
  }

  /** How many ids it remembers. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** How many ids were forgotten before their horizon, because there were too many. */
  get forgottenEarly(): number {
    return this.#forgottenEarly;
  }

  /** Every id from before this moment is forgotten, in milliseconds since the Unix epoch. */
  get firstMs(): number {
    return this.size === 0 ? -Infinity : Math.min(this.#oldFirstMs, this.#youngFirstMs);
  }

  /** The value remembered with an id of `owner`, if it is remembered. */
  recall(owner: string, id: string): number | undefined {
    const number = this.#owners.get(owner);
    if (number === undefined) return undefined;
    const bits = this.#bitsOf(id);
    return this.#young.get(number, bits) ?? this.#old.get(number, bits);
  }

  /** Remembers an id of `owner` with a 32-bit value, from `wallMs` on. */
  remember(owner: string, id: string, value: number, wallMs: number): void {
    this.#turn(wallMs);
    this.#youngFirstMs = Math.min(this.#youngFirstMs, wallMs);
    let number = this.#owners.get(owner);
    if (number === undefined) this.#owners.set(owner, number = this.#owners.size + 1);
    this.#young.set(number, this.#bitsOf(id), value);
  }

  #bitsOf(id: string): IdBits {
    if (id !== this.#lastId) {
      writeIdBits(id, this.#lastBits);
      this.#lastId = id;
    }
    return this.#lastBits;
  }

  #turn(wallMs: number): void {
    const full = this.#young.size >= this.#maxIdsPerGeneration;
    if (!full && wallMs - this.#youngSinceMs < this.#horizonMs) return;
    // The last of the old ones came when the first of the young ones did.
    const early = this.#old.size > 0 && wallMs - this.#youngSinceMs < this.#horizonMs;
    if (early) this.#forgottenEarly += this.#old.size;
    // After a pause longer than the horizon the young ones are all too old as well.
    const stale = wallMs - this.#youngSinceMs >= 2 * this.#horizonMs;
    this.#old = stale ? new IdTable(this.#key) : this.#young;
    this.#oldFirstMs = stale ? Infinity : this.#youngFirstMs;
    this.#young = new IdTable(this.#key);
    this.#youngSinceMs = wallMs;
    this.#youngFirstMs = Infinity;
  }
}
