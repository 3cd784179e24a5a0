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
import { existsSync, readFileSync } from "node:fs";
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
const FRAME_SALTS_AT = 8;
const FRAME_SUM_AT = 16;

type Sum = readonly [number, number];

/** The log as SQLite checks it. */
class Log {
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  readonly #frameBytes: number;
  /** Whole frames in the file, good or bad, of this round of the log or an earlier one. */
  readonly frames: number;

  constructor(bytes: Uint8Array, pageBytes: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = this.#view.getUint32(0) === MAGIC_LITTLE_ENDIAN;
    this.#frameBytes = FRAME_HEADER_BYTES + pageBytes;
    this.frames = Math.floor((bytes.byteLength - HEADER_BYTES) / this.#frameBytes);
  }

  /** Whether the header is as it was written. */
  get isHeaderWhole(): boolean {
    const sum = this.#sumOf(0, HEADER_SUM_AT, [0, 0]);
    return this.#isConstantWhole && this.#has(sum, HEADER_SUM_AT);
  }

  /** Whether a frame is whole when the one before it has the sum that it says. */
  isWhole(frame: number): boolean {
    const at = this.#at(frame);
    const sumAt = frame === 0 ? HEADER_SUM_AT : this.#at(frame - 1) + FRAME_SUM_AT;
    const before = [this.#view.getUint32(sumAt), this.#view.getUint32(sumAt + 4)] as const;
    const sum = this.#sumOf(
      at + FRAME_HEADER_BYTES,
      at + this.#frameBytes,
      this.#sumOf(at, at + 8, before),
    );
    return this.#isOfRound(frame) && this.#has(sum, at + FRAME_SUM_AT);
  }

  #isOfRound(frame: number): boolean {
    const at = this.#at(frame) + FRAME_SALTS_AT;
    for (let i = 0; i < SALTS_BYTES; i += 4) {
      if (this.#view.getUint32(at + i) !== this.#view.getUint32(HEADER_SALTS_AT + i)) return false;
    }
    return true;
  }

  /** Whether a frame says that it is the last one of a transaction. */
  isCommit(frame: number): boolean {
    return this.#view.getUint32(this.#at(frame) + 4) !== 0;
  }

  get #isConstantWhole(): boolean {
    const magic = this.#view.getUint32(0);
    const isMagic = magic === MAGIC_BIG_ENDIAN || magic === MAGIC_LITTLE_ENDIAN;
    const pageBytes = this.#frameBytes - FRAME_HEADER_BYTES;
    return isMagic && this.#view.getUint32(4) === VERSION && this.#view.getUint32(8) === pageBytes;
  }

  #at(frame: number): number {
    return HEADER_BYTES + frame * this.#frameBytes;
  }

  #has([first, second]: Sum, at: number): boolean {
    return this.#view.getUint32(at) === first && this.#view.getUint32(at + 4) === second;
  }

  /** SQLite's checksum of the bytes from `start` to `end`, going on from another. */
  #sumOf(start: number, end: number, [first, second]: Sum): Sum {
    let [a, b] = [first | 0, second | 0];
    for (let at = start; at < end; at += 8) {
      a = (a + this.#view.getInt32(at, this.#littleEndian) + b) | 0;
      b = (b + this.#view.getInt32(at + 4, this.#littleEndian) + a) | 0;
    }
    return [a >>> 0, b >>> 0];
  }
}

/** What is wrong with the bytes of a log, if it can be known; `pageBytes` is the database's page size. */
export function logProblem(bytes: Uint8Array, pageBytes: number): string | undefined {
  if (bytes.byteLength < HEADER_BYTES + FRAME_HEADER_BYTES + pageBytes) return undefined;
  const log = new Log(bytes, pageBytes);
  // It has less than a sector and is synced before the first frame.
  if (!log.isHeaderWhole) return "its header is not whole";
  let broken: number | undefined;
  let afterCommit = false;
  for (let frame = 0; frame < log.frames; frame++) {
    const isWhole = log.isWhole(frame);
    if (!isWhole) broken ??= frame;
    else if (broken !== undefined && afterCommit) {
      return `page ${broken} of it is not whole, and there are commits after it`;
    }
    // Where a crash cut writes off, parts of a frame may be of an earlier round, its mark too.
    afterCommit = isWhole && log.isCommit(frame);
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
  const bytes = readFileSync(log);
  const problem = fileBytes === 0 && bytes.byteLength > 0
    ? "the file that it belongs to is empty"
    : logProblem(bytes, PAGE_BYTES);
  if (problem === undefined) return;
  throw new CipherMqError("storage", `cannot use the log ${log}: ${problem}`, {
    hint: "check the disk and restore the file from a backup; file and log are left as they are",
  });
}
