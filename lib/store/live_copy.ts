/**
 * A copy of a database that is in use.
 *
 * The log is moved into the file and then left alone for as long as the copying takes: the file
 * stays as it was, whatever is committed meanwhile, and can be read piece by piece. SQLite's own
 * ways are not for a broker: `VACUUM INTO` needs every permission under Deno, and `backup()` holds up
 * everything else until the last byte is copied.
 *
 * @module
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import { fileOf } from "./sqlite_file.ts";
import { setting } from "./sqlite_schema.ts";
import type { WriteAheadLog } from "./write_ahead_log.ts";

/** A piece of a copy, in bytes: 256 KiB in base64, and read in less time than a commit takes. */
const PIECE_BYTES = 192 * 1024;

/** Lets copies of one open database be read, one at a time. */
export class LiveCopy {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #log: WriteAheadLog;
  /** What was opened; the path may name another file later. */
  readonly #opened: string;
  /**
   * Kept open: closing a handle drops all locks that the process has on the file, SQLite's too
   * (POSIX). Read synchronously for the same reason: Deno's asynchronous reads close a duplicate of it.
   */
  #file: number | undefined;
  /** The bytes of the copy that is being read. */
  #bytes: number | undefined;

  /** Copies of `db`, which was just opened at `path` and has this log. */
  constructor(db: DatabaseSync, path: string, log: WriteAheadLog) {
    this.#db = db;
    this.#path = path;
    this.#log = log;
    this.#opened = fileOf(statSync(path));
  }

  /**
   * Begins a copy of the state of the last commit, and gives its bytes. Until {@linkcode LiveCopy.end}
   * the log only grows. Throws `limit` while there is another copy, `storage` if the file cannot be read.
   */
  begin(): number {
    if (this.#bytes !== undefined) {
      throw new CipherMqError("limit", "cannot back up the database: a backup is being made", {
        hint: "try again when it has ended",
      });
    }
    this.#file ??= this.#open();
    const bytes = Number(setting(this.#db, "page_count")) * Number(setting(this.#db, "page_size"));
    // Last, because whoever holds the log must be able to end the copy.
    this.#log.hold();
    return this.#bytes = bytes;
  }

  /** The bytes of the copy from `offset` on, up to 192 KiB of them; none at its end and beyond. */
  read(offset: number): Uint8Array {
    assert(
      this.#file !== undefined && this.#bytes !== undefined,
      "a copy is begun before it is read",
    );
    const piece = new Uint8Array(Math.max(0, Math.min(PIECE_BYTES, this.#bytes - offset)));
    for (let done = 0; done < piece.length;) {
      const read = readSync(this.#file, piece, done, piece.length - done, offset + done);
      assert(read > 0, "the file is as long as the database");
      done += read;
    }
    return piece;
  }

  /** Ends the copy, if there is one. */
  end(): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    this.#log.release();
  }

  /** Releases the file. To be called after the database is closed. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    const stats = statSync(this.#path, { throwIfNoEntry: false });
    if (stats === undefined || fileOf(stats) !== this.#opened) {
      throw new CipherMqError("storage", `cannot back up ${this.#path}: it was moved or replaced`, {
        hint: "move the file back; the broker still uses it",
      });
    }
    return openSync(this.#path, "r");
  }
}
