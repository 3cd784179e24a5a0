/**
 * Silent damage to files, by a seed.
 *
 * @module
 */
import type { Random } from "../fuzz/random.ts";

/** What was done to which file. */
export interface Damage {
  /** The end of the file's name: nothing for the database, `-wal` for its log. */
  readonly file: "" | "-wal";
  /** In words, to be told when something is wrong. */
  readonly what: string;
  /** Whether the file was made shorter. */
  readonly isCut: boolean;
  /** Its bytes now. */
  readonly bytes: Uint8Array;
}

const PAGE = 16 * 1024;

/** Damages one of the two files. */
export function damage(files: Readonly<Record<"" | "-wal", Uint8Array>>, random: Random): Damage {
  const file = random.oneIn(3) ? "-wal" : "";
  const bytes = files[file].slice();
  // Headers of the file, of pages and of frames are small, and matter most.
  const near = random.pick([0, PAGE * random.below(bytes.length / PAGE), undefined, undefined]);
  const at = near === undefined ? random.below(bytes.length) : near + random.below(100);
  const place = Math.min(at, bytes.length - 1);
  const kind = random.below(8);
  if (kind === 0) {
    const end = random.oneIn(2) ? place - (place % PAGE) : place;
    return { file, what: `cut to ${end} bytes`, isCut: true, bytes: bytes.subarray(0, end) };
  }
  if (kind <= 2) {
    const length = random.pick([2, 16, 512, 4096]);
    const filling = random.oneIn(2) ? new Uint8Array(length) : random.bytes(length);
    bytes.set(filling.subarray(0, bytes.length - place), place);
    const how = filling[0] === 0 ? "zeros" : "noise";
    return { file, what: `${length} bytes of ${how} at ${place}`, isCut: false, bytes };
  }
  const bit = random.below(8);
  bytes[place] = bytes[place]! ^ (1 << bit);
  return { file, what: `bit ${bit} of byte ${place} flipped`, isCut: false, bytes };
}
