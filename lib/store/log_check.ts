/**
 * Whether a write-ahead log lost nothing that was synced (sqlite.org/fileformat2.html, section 4).
 *
 * SQLite reads a log up to the first frame that is not whole and takes the rest for a transaction that
 * a crash cut off. But each commit is synced before the next is written: where a frame follows a
 * commit, all before it was whole once and has been damaged since. SQLite would go on with an older
 * state and then overwrite the newer one. Damage in the last commit, or in the last page of the
 * one before, cannot be told from a crash.
 *
 * @module
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { CipherMqError } from "../base/errors.ts";
import { PAGE_BYTES } from "./sqlite_schema.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const SALTS_BYTES = 8;
/** Of the header what never changes, and where the rest is. */
const MAGIC_BIG_ENDIAN = 0x377f0683;
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const VERSION = 3007000;
const HEADER_SALTS_AT = 16;
const HEADER_SUM_AT = 24;
const COMMIT_AT = 4;
const FRAME_SALTS_AT = 8;
const FRAME_SUM_AT = 16;

type Sum = readonly [number, number];

/** The bytes of a log. It can be larger than the memory: nothing shortens it during a backup. */
export interface LogBytes {
  /** How many. */
  readonly length: number;
  /** Fills `into` with those from `at` on, with zeros where there are none any more. */
  read(into: Uint8Array, at: number): void;
}

/** A frame of a log as SQLite judges it. */
interface Frame {
  /** It is as it was written, if the one before it has the sum that it says. */
  readonly isWhole: boolean;
  /** It says that it is the last one of a transaction. */
  readonly isCommit: boolean;
}

/** The log as SQLite checks it. */
class Log {
  readonly #bytes: LogBytes;
  readonly #header: DataView;
  readonly #littleEndian: boolean;
  readonly #pageBytes: number;

  constructor(bytes: LogBytes, pageBytes: number) {
    this.#bytes = bytes;
    this.#pageBytes = pageBytes;
    const header = new Uint8Array(HEADER_BYTES);
    bytes.read(header, 0);
    this.#header = new DataView(header.buffer);
    this.#littleEndian = this.#header.getUint32(0) === MAGIC_LITTLE_ENDIAN;
  }

  /** Whether the header is as it was written. */
  get isHeaderWhole(): boolean {
    const sum = this.#sumOf(this.#header, 0, HEADER_SUM_AT, [0, 0]);
    return this.#isConstantWhole && isSameSum(sum, sumAt(this.#header, HEADER_SUM_AT));
  }

  /** The frames in the file, of this round of the log or an earlier one, in order. */
  *frames(): Generator<Frame> {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + this.#pageBytes);
    const view = new DataView(frame.buffer);
    let before = sumAt(this.#header, HEADER_SUM_AT);
    for (let at = HEADER_BYTES; at + frame.length <= this.#bytes.length; at += frame.length) {
      this.#bytes.read(frame, at);
      const head = this.#sumOf(view, 0, FRAME_SALTS_AT, before);
      const sum = this.#sumOf(view, FRAME_HEADER_BYTES, frame.length, head);
      before = sumAt(view, FRAME_SUM_AT);
      const isWhole = this.#isOfRound(view) && isSameSum(sum, before);
      yield { isWhole, isCommit: view.getUint32(COMMIT_AT) !== 0 };
    }
  }

  #isOfRound(frame: DataView): boolean {
    for (let i = 0; i < SALTS_BYTES; i += 4) {
      const salt = this.#header.getUint32(HEADER_SALTS_AT + i);
      if (frame.getUint32(FRAME_SALTS_AT + i) !== salt) return false;
    }
    return true;
  }

  get #isConstantWhole(): boolean {
    const magic = this.#header.getUint32(0);
    const isMagic = magic === MAGIC_BIG_ENDIAN || magic === MAGIC_LITTLE_ENDIAN;
    return isMagic && this.#header.getUint32(4) === VERSION &&
      this.#header.getUint32(8) === this.#pageBytes;
  }

  /** SQLite's checksum of the bytes from `start` to `end`, going on from another. */
  #sumOf(view: DataView, start: number, end: number, [first, second]: Sum): Sum {
    let [a, b] = [first | 0, second | 0];
    for (let at = start; at < end; at += 8) {
      a = (a + view.getInt32(at, this.#littleEndian) + b) | 0;
      b = (b + view.getInt32(at + 4, this.#littleEndian) + a) | 0;
    }
    return [a >>> 0, b >>> 0];
  }
}

function sumAt(view: DataView, at: number): Sum {
  return [view.getUint32(at), view.getUint32(at + 4)];
}

function isSameSum([a, b]: Sum, [c, d]: Sum): boolean {
  return a === c && b === d;
}

/** What is wrong with a log, if it can be known; `pageBytes` is the database's page size. */
export function logProblem(bytes: LogBytes, pageBytes: number): string | undefined {
  if (bytes.length < HEADER_BYTES + FRAME_HEADER_BYTES + pageBytes) return undefined;
  const log = new Log(bytes, pageBytes);
  // It has less than a sector and is synced before the first frame.
  if (!log.isHeaderWhole) return "its header is not whole";
  let broken: number | undefined;
  let afterCommit = false;
  let frame = 0;
  for (const { isWhole, isCommit } of log.frames()) {
    if (!isWhole) broken ??= frame;
    else if (broken !== undefined && afterCommit) {
      return `page ${broken} of it is not whole, and there are commits after it`;
    }
    // Where a crash cut writes off, parts of a frame may be of an earlier round, its mark too.
    afterCommit = isWhole && isCommit;
    frame++;
  }
  return undefined;
}

/**
 * Throws `storage` if the log of the database at `path` is known to have lost what was synced, or if
 * the file, which has `fileBytes`, is empty beside it: SQLite would begin a new one and drop the log.
 */
export function requireWholeLog(path: string, fileBytes: number): void {
  const log = `${path}-wal`;
  if (!existsSync(log)) return;
  const problem = problemIn(log, fileBytes);
  if (problem === undefined) return;
  throw new CipherMqError("storage", `cannot use the log ${log}: ${problem}`, {
    hint: "check the disk and restore the file from a backup; file and log are left as they are",
  });
}

function problemIn(log: string, fileBytes: number): string | undefined {
  const file = openSync(log, "r");
  try {
    const bytes: LogBytes = {
      length: fstatSync(file).size,
      read(into, at) {
        // Shorter than it was: another broker uses it, which SQLite notices by its lock.
        const done = readSync(file, into, 0, into.length, at);
        into.fill(0, done);
      },
    };
    if (fileBytes === 0 && bytes.length > 0) return "the file that it belongs to is empty";
    return logProblem(bytes, PAGE_BYTES);
  } finally {
    closeSync(file);
  }
}
