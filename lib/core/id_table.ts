/**
 * A compact map from (owner, message id) to a number: 24 bytes a place, none of them on the heap.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../base/random.ts";

/** The 128 bits that stand for a message id. */
export type IdBits = Int32Array;

const encoder = new TextEncoder();
/** Characters that fit into the bits beside the mark, four a word and three in the one that has it. */
const SHORT_LENGTH = 15;
const MAX_ASCII = 0x7f;
/** Which word each four characters of a short id go to: the last ones to the word that is marked. */
const SHORT_WORDS = [0, 1, 3, 2] as const;
const SHORT_MARK = 0x40000000;
/** What a digest keeps of the word that is marked. */
const DIGEST_MASK = 0x3fffffff;
const UUID_LENGTH = 36;
/** What the first two bits of a UUID's third word are. */
const VARIANT = 0b10;
/** Not a digit: every result that it is part of is negative. */
const NONE = -1;
const HEX = new Int8Array(128).fill(NONE);
for (const [value, digit] of Array.from("0123456789abcdef").entries()) {
  HEX[digit.charCodeAt(0)] = value;
}

/**
 * Writes the bits of `id` into `bits`: a UUID's own bits, the characters of a short one, else the first
 * 128 bits of its SHA-256, each kind marked so that they are of no other. Two ids with the same bits
 * cannot be found, so the table never mistakes one for another.
 */
export function writeIdBits(id: string, bits: IdBits): void {
  if (writeUuidBits(id, bits) || writeShortBits(id, bits)) return;
  const digest = sha256(encoder.encode(id));
  const view = new DataView(digest.buffer, digest.byteOffset);
  for (let i = 0; i < 4; i++) bits[i] = view.getInt32(i * 4);
  bits[2]! &= DIGEST_MASK;
}

/** Writes the characters of a short ASCII id, which costs a tenth of a digest. False for any other id. */
function writeShortBits(id: string, bits: IdBits): boolean {
  if (id.length > SHORT_LENGTH) return false;
  bits.fill(0);
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    // What has no character is zero, so a character must not be.
    if (unit === 0 || unit > MAX_ASCII) return false;
    const word = SHORT_WORDS[i >> 2]!;
    bits[word] = bits[word]! << 8 | unit;
  }
  bits[2]! |= SHORT_MARK;
  return true;
}

/**
 * Writes the bits of a UUID of the usual variant (RFC 9562, section 4.1), lower case: the first bit of
 * its third word is set. False for any other id. Done for every message, so without a pattern.
 */
function writeUuidBits(id: string, bits: IdBits): boolean {
  if (id.length !== UUID_LENGTH) return false;
  if (id[8] !== "-" || id[13] !== "-" || id[18] !== "-" || id[23] !== "-") return false;
  const a = quarter(id, 0);
  const b = quarter(id, 4);
  const c = quarter(id, 9);
  const d = quarter(id, 14);
  const e = quarter(id, 19);
  const f = quarter(id, 24);
  const g = quarter(id, 28);
  const h = quarter(id, 32);
  if ((a | b | c | d | e | f | g | h) < 0 || e >>> 14 !== VARIANT) return false;
  bits[0] = a << 16 | b;
  bits[1] = c << 16 | d;
  bits[2] = e << 16 | f;
  bits[3] = g << 16 | h;
  return true;
}

/** The number that four hexadecimal digits are, or a negative one. */
function quarter(id: string, at: number): number {
  let bits = 0;
  for (let i = at; i < at + 4; i++) {
    const digit = HEX[id.charCodeAt(i)] ?? NONE;
    if (digit < 0) return NONE;
    bits = bits << 4 | digit;
  }
  return bits;
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
    for (let i = 0; i < 4; i++) shard[at + 1 + i] = bits[i]!;
    shard[at + 5] = value;
  }

  #roomIn(index: number): Int32Array {
    const shard = this.#shards[index];
    if (shard === undefined) return this.#shards[index] = new Int32Array(FIRST_PLACES * WORDS);
    const places = shard.length / WORDS;
    if (this.#sizes[index]! + 1 <= places * FULL) return shard;
    const larger = new Int32Array(Math.ceil(places * GROWTH) * WORDS);
    // Word by word: a view of each place would cost more than all the rest of a start.
    const bits = new Int32Array(4);
    for (let from = 0; from < shard.length; from += WORDS) {
      if (shard[from] === 0) continue;
      for (let i = 0; i < 4; i++) bits[i] = shard[from + 1 + i]!;
      const to = place(larger, this.#hash(shard[from]!, bits), shard[from]!, bits);
      for (let i = 0; i < WORDS; i++) larger[to + i] = shard[from + i]!;
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
