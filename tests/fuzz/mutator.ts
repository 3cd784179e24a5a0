/**
 * Spoils valid samples: a few changes one after another, each of a kind that has broken parsers.
 *
 * @module
 */
import { concat } from "./bytes.ts";
import type { Random } from "./random.ts";

const encoder = new TextEncoder();

/** Bytes that mean something to somebody: NUL, line ends, quotes, what UTF-8 forbids. */
const TELLING = [0, 9, 10, 13, 32, 34, 44, 45, 46, 61, 92, 93, 125, 0x7f, 0x80, 0xc0, 0xed, 0xff];

/** Overlong, surrogate, cut off, too large, alone; then valid ones that names must not have. */
const ODD_TEXT = [
  ...[[0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80], [0x80]],
  ...["\uFEFF", "\u2028", "\u202E", "\u0085", "\u00A0", "\uFFFD", "\u{E000}", "é", "😀"]
    .map((text) => [...encoder.encode(text)]),
].map((bytes) => Uint8Array.from(bytes));

const NUMBERS = [
  ...["0", "-1", "00", "1e9", "1.5", "999999999", "1000000000", "4294967296", "NaN", "+1"],
  ...["9007199254740991", "9007199254740992", "18446744073709551616", "9".repeat(400)],
];

/** What a mutator takes its material from. */
export interface Material {
  /** Valid inputs. */
  readonly samples: readonly Uint8Array[];
  /** Words of the format. */
  readonly words: readonly string[];
  /** No input is longer, in bytes. */
  readonly maxBytes: number;
}

type Change = (bytes: Uint8Array, random: Random, material: Material) => Uint8Array;

/** Replaces the bytes from `from` to `to`. */
function replaced(bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array {
  return concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
}

function inserted(bytes: Uint8Array, random: Random, what: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  return replaced(bytes, at, at, what);
}

/** A place and a later one, not far apart. */
function range(bytes: Uint8Array, random: Random): [number, number] {
  const from = random.below(bytes.length + 1);
  const length = random.below(random.pick([2, 16, bytes.length + 1]) + 1);
  return [from, Math.min(bytes.length, from + length)];
}

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = copy[at]! ^ (1 << random.below(8));
  return copy;
}

function setByte(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  copy[random.below(copy.length)] = random.oneIn(2) ? random.pick(TELLING) : random.below(256);
  return copy;
}

function duplicate(bytes: Uint8Array, random: Random): Uint8Array {
  const [from, to] = range(bytes, random);
  return inserted(bytes, random, bytes.subarray(from, to));
}

function repeat(bytes: Uint8Array, random: Random): Uint8Array {
  const unit = random.oneIn(2) ? random.pick(TELLING) : bytes[random.below(bytes.length)]!;
  return inserted(bytes, random, new Uint8Array(random.pick([3, 64, 257, 1100])).fill(unit));
}

function remove(bytes: Uint8Array, random: Random): Uint8Array {
  const [from, to] = range(bytes, random);
  return replaced(bytes, from, to, new Uint8Array(0));
}

function splice(bytes: Uint8Array, random: Random, { samples }: Material): Uint8Array {
  const other = random.pick(samples);
  const [from, to] = range(bytes, random);
  const [start, end] = range(other, random);
  return replaced(bytes, from, to, other.subarray(start, end));
}

/** Two samples one after the other, mostly as lines. */
function join(bytes: Uint8Array, random: Random, { samples }: Material): Uint8Array {
  const between = encoder.encode(random.pick(["\n", "\n", "\r\n", "\r", ""]));
  return concat([bytes, between, random.pick(samples)]);
}

function word(bytes: Uint8Array, random: Random, { words }: Material): Uint8Array {
  return inserted(bytes, random, encoder.encode(random.pick(words)));
}

/** Puts a number in the place of digits, or anywhere. */
function number(bytes: Uint8Array, random: Random): Uint8Array {
  const by = encoder.encode(random.pick(NUMBERS));
  let from = random.below(bytes.length);
  while (from < bytes.length && !isDigit(bytes[from]!)) from++;
  let to = from;
  while (to < bytes.length && isDigit(bytes[to]!)) to++;
  return from === to ? inserted(bytes, random, by) : replaced(bytes, from, to, by);
}

/** One more space where there is one, or zero before digits: what careful readers refuse. */
function widen(bytes: Uint8Array, random: Random): Uint8Array {
  const wanted = random.oneIn(2) ? (byte: number) => byte === 32 : isDigit;
  const start = random.below(bytes.length);
  const at = bytes.findIndex((byte, i) => i >= start && wanted(byte));
  const by = random.pick([32, 32, 48]);
  return at === -1 ? bytes : replaced(bytes, at, at, Uint8Array.of(by));
}

/** Another letter or digit in the place of one, mostly the last one of base64. */
function letter(bytes: Uint8Array, random: Random): Uint8Array {
  const start = random.below(bytes.length);
  const padding = random.oneIn(2) ? bytes.indexOf(61, start) : -1;
  const at = padding > 0 ? padding - 1 : start;
  const by = random.pick("ABCDEFGHQRSTUVWXYZabcwxyz0123456789+/".split("")).charCodeAt(0);
  return replaced(bytes, at, at + 1, Uint8Array.of(by));
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

function nest(bytes: Uint8Array, random: Random): Uint8Array {
  const open = random.pick(["[", '{"a":', "[[", '{"message_id":{', "{"]);
  return inserted(bytes, random, encoder.encode(open.repeat(random.pick([1, 3, 100, 500]))));
}

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  duplicate,
  remove,
  splice,
  join,
  word,
  word,
  number,
  widen,
  letter,
  nest,
  repeat,
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => inserted(bytes, random, random.pick(ODD_TEXT)),
  (bytes, random) => inserted(bytes, random, random.bytes(random.between(1, 8))),
];

/** One input: a sample, now and then as it is, mostly with one to six changes, and rather few. */
export function mutate(random: Random, material: Material): Uint8Array {
  let bytes = random.pick(material.samples);
  if (random.oneIn(50)) return random.bytes(random.below(200));
  for (let left = random.below(random.between(2, 7)); left > 0; left--) {
    // What is empty has nothing that could be changed.
    if (bytes.length === 0) bytes = random.pick(material.samples);
    bytes = random.pick(CHANGES)(bytes, random, material);
  }
  return bytes.slice(0, material.maxBytes);
}
