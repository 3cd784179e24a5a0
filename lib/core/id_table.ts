/**
 * A compact map from (owner, message id) to a number: 24 bytes a place, none of them on the heap.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../base/random.ts";

/** The 128 bits that stand for a message id. */
export type IdBits = Int32Array;

/** A UUID of the usual variant (RFC 9562, section 4.1): the first bit of its third word is set. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const encoder = new TextEncoder();

/**
 * Writes the bits of `id` into `bits`: a UUID's own bits, else the first 128 bits of its SHA-256,
 * marked so that they are no UUID's. Two ids with the same bits cannot be found, so the table never
 * mistakes one for another.
 */
export function writeIdBits(id: string, bits: IdBits): void {
  if (id.length === 36 && UUID.test(id)) {
    bits[0] = parseInt(id.slice(0, 8), 16);
    bits[1] = parseInt(id.slice(9, 13) + id.slice(14, 18), 16);
    bits[2] = parseInt(id.slice(19, 23) + id.slice(24, 28), 16);
    bits[3] = parseInt(id.slice(28, 36), 16);
    return;
  }
  const digest = sha256(encoder.encode(id));
  const view = new DataView(digest.buffer, digest.byteOffset);
  for (let i = 0; i < 4; i++) bits[i] = view.getInt32(i * 4);
  bits[2]! &= 0x7fffffff;
}

/** Owner, four words of id, value. An owner of 0 marks a free place. */
const WORDS = 6;
const SHARDS = 256;
const FIRST_PLACES = 8;
/** Full to three quarters, a shard grows by half: 32 to 48 bytes an id. */
const FULL = 0.75;
const GROWTH = 1.5;

/** The secret with which ids are spread, so that no publisher can choose ids that pile up. */
export type SpreadKey = Int32Array;

/** Draws a spread key: odd numbers, one for the owner and two for each word of an id. */
export function drawSpreadKey(random: Random): SpreadKey {
  return Int32Array.from({ length: 9 }, () => random.uint32() | 1);
}

/** An open-addressing hash table in 256 small shards, so that growing never stalls. */
export class IdTable {
  readonly #key: SpreadKey;
  readonly #shards: (Int32Array | undefined)[] = new Array(SHARDS).fill(undefined);
  readonly #sizes = new Int32Array(SHARDS);
  #size = 0;

  /** Makes an empty table. */
  constructor(key: SpreadKey) {
    this.#key = key;
  }

  /** How many ids it holds. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory its places take. */
  get bytes(): number {
    return this.#shards.reduce((sum, shard) => sum + (shard?.byteLength ?? 0), 0);
  }

  /** The value kept for an id of `owner` (a number above 0), if there is one. */
  get(owner: number, bits: IdBits): number | undefined {
    const hash = this.#hash(owner, bits);
    const shard = this.#shards[hash >>> 24];
    if (shard === undefined) return undefined;
    const at = place(shard, hash, owner, bits);
    return shard[at] === 0 ? undefined : shard[at + 5];
  }

  /** Keeps a 32-bit value for an id of `owner`. */
  set(owner: number, bits: IdBits, value: number): void {
    const hash = this.#hash(owner, bits);
    const shard = this.#roomIn(hash >>> 24);
    const at = place(shard, hash, owner, bits);
    if (shard[at] === 0) {
      this.#sizes[hash >>> 24]!++;
      this.#size++;
    }
    shard[at] = owner;
    shard.set(bits, at + 1);
    shard[at + 5] = value;
  }

  #roomIn(index: number): Int32Array {
    const shard = this.#shards[index];
    if (shard === undefined) return this.#shards[index] = new Int32Array(FIRST_PLACES * WORDS);
    const places = shard.length / WORDS;
    if (this.#sizes[index]! + 1 <= places * FULL) return shard;
    const larger = new Int32Array(Math.ceil(places * GROWTH) * WORDS);
    for (let from = 0; from < shard.length; from += WORDS) {
      if (shard[from] === 0) continue;
      const bits = shard.subarray(from + 1, from + 5);
      const to = place(larger, this.#hash(shard[from]!, bits), shard[from]!, bits);
      larger.set(shard.subarray(from, from + WORDS), to);
    }
    return this.#shards[index] = larger;
  }

  #hash(owner: number, bits: IdBits): number {
    const key = this.#key;
    let hash = Math.imul(owner, key[0]!);
    for (let i = 0; i < 4; i++) {
      hash = Math.imul(hash ^ bits[i]!, key[2 * i + 1]!);
      // With one product a word's first bits would come through as they are, whatever the key, and
      // the next word could be chosen to cancel them.
      hash = Math.imul(hash ^ (hash >>> 15), key[2 * i + 2]!);
    }
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

/** Where an id is, or the free place where it would go. */
function place(shard: Int32Array, hash: number, owner: number, bits: IdBits): number {
  const places = shard.length / WORDS;
  let at = ((hash & 0xffffff) % places) * WORDS;
  while (shard[at] !== 0) {
    if (
      shard[at] === owner && shard[at + 1] === bits[0] && shard[at + 2] === bits[1] &&
      shard[at + 3] === bits[2] && shard[at + 4] === bits[3]
    ) break;
    at += WORDS;
    if (at === shard.length) at = 0;
  }
  return at;
}
