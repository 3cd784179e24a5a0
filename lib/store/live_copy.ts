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
import { type FileHandle, open, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import { isOpenHere } from "./sqlite_file.ts";
import { setting } from "./sqlite_schema.ts";
import type { WriteAheadLog } from "./write_ahead_log.ts";

const OWNER_ONLY = 0o600;
const PIECE_BYTES = 1024 * 1024;
/** With the header, without which a file is no database. */
const HEAD_BYTES = 16 * 1024;

/** Makes copies of one open database, one at a time. */
export class LiveCopy {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #log: WriteAheadLog;
  /**
   * Kept open: closing a handle drops all locks that the process has on the file, SQLite's too
   * (POSIX). Read synchronously for the same reason: Deno's asynchronous reads close a duplicate of it.
   */
  #file: number | undefined;
  #running: Promise<number> | undefined;
  #ended = false;

  /** Copies of `db`, which is open at `path` and has this log. */
  constructor(db: DatabaseSync, path: string, log: WriteAheadLog) {
    this.#db = db;
    this.#path = path;
    this.#log = log;
  }

  /**
   * Copies the state of the last commit to a new file that only its owner can read, and gives its
   * bytes. Until its last write the new file is no database, so that half a copy is not taken for one.
   * Rejects with `already_exists` for a file that is there, `limit` while another copy is being made,
   * `storage` if it cannot be read or written; then there is no new file.
   */
  async to(target: string): Promise<number> {
    if (this.#running !== undefined) {
      throw new CipherMqError("limit", "cannot back up the database: a backup is being made", {
        hint: "try again when it has ended",
      });
    }
    this.#running = this.#make(resolve(target));
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Ends a copy that is being made; nothing is copied any more. To be called before the database closes. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#running?.catch(() => {});
  }

  /** Releases the file. To be called after the database is closed. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  async #make(target: string): Promise<number> {
    const copy = await create(target);
    try {
      const bytes = await this.#fill(copy);
      await copy.close();
      return bytes;
    } catch (error) {
      await copy.close().catch(() => {});
      await unlink(target).catch(() => {});
      if (error instanceof CipherMqError) throw error;
      throw cannotWrite(target, error);
    }
  }

  async #fill(copy: FileHandle): Promise<number> {
    this.#requireOpen();
    const file = this.#open();
    this.#log.hold();
    try {
      const bytes = Number(setting(this.#db, "page_count")) *
        Number(setting(this.#db, "page_size"));
      for (let at = HEAD_BYTES; at < bytes; at += PIECE_BYTES) {
        await this.#copyPiece(file, copy, at, Math.min(PIECE_BYTES, bytes - at));
      }
      await copy.sync();
      await this.#copyPiece(file, copy, 0, HEAD_BYTES);
      await copy.sync();
      return bytes;
    } finally {
      this.#log.release();
    }
  }

  #open(): number {
    if (this.#file !== undefined) return this.#file;
    const stats = statSync(this.#path, { throwIfNoEntry: false });
    if (stats === undefined || !isOpenHere(stats, this.#db)) {
      throw new CipherMqError("storage", `cannot back up ${this.#path}: it was moved or replaced`, {
        hint: "move the file back; the broker still uses it",
      });
    }
    return this.#file = openSync(this.#path, "r");
  }

  async #copyPiece(file: number, copy: FileHandle, at: number, size: number): Promise<void> {
    this.#requireOpen();
    const piece = new Uint8Array(size);
    for (let done = 0; done < size;) {
      const read = readSync(file, piece, done, size - done, at + done);
      assert(read > 0, "the file is as long as the database");
      done += read;
    }
    for (let done = 0; done < size;) {
      done += (await copy.write(piece, done, size - done, at + done)).bytesWritten;
    }
  }

  #requireOpen(): void {
    if (!this.#ended) return;
    throw new CipherMqError(
      "storage",
      `cannot back up ${this.#path}: the database is being closed`,
    );
  }
}

async function create(target: string): Promise<FileHandle> {
  try {
    return await open(target, "wx", OWNER_ONLY);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EEXIST") throw cannotWrite(target, error);
    throw new CipherMqError("already_exists", `cannot back up to ${target}: it exists already`, {
      hint: "choose another file name",
      cause: error,
    });
  }
}

function cannotWrite(target: string, error: unknown): CipherMqError {
  const why = error instanceof Error ? error.message : String(error);
  return new CipherMqError("storage", `cannot back up to ${target}: ${why}`, {
    hint: "check that the folder exists, has room and can be written by the broker's user",
    cause: error,
  });
}
