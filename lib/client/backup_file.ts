/**
 * The file that a backup becomes: until it is whole, on disk and has been checked, it has another
 * name, so that nobody takes half of one for a backup.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError, messageOf } from "../base/errors.ts";
import { syncFolder } from "./folder_sync.ts";

const OWNER_ONLY = 0o600;
/** What a SQLite file begins with (sqlite.org/fileformat.html, 1.3). */
const MAGIC = "SQLite format 3\0";
/** What SQLite may put beside a file while it looks at it. */
const BESIDE = ["-wal", "-shm"];

/** A backup that is being written, piece after piece. */
export class BackupFile {
  readonly #path: string;
  readonly #replaces: boolean;
  readonly #partPath: string;
  readonly #part: FileHandle;
  #bytes = 0;

  private constructor(path: string, replaces: boolean, partPath: string, part: FileHandle) {
    this.#path = path;
    this.#replaces = replaces;
    this.#partPath = partPath;
    this.#part = part;
  }

  /**
   * Begins a file beside `path`, for its owner only. Rejects with `already_exists` if there is a file
   * that it does not replace, or a database's log beside it; `storage` if it cannot be made.
   */
  static async create(path: string, replaces: boolean): Promise<BackupFile> {
    const whole = resolve(path);
    requireFree(whole, replaces);
    const partPath = `${whole}.${crypto.randomUUID()}.part`;
    try {
      return new BackupFile(whole, replaces, partPath, await open(partPath, "wx", OWNER_ONLY));
    } catch (error) {
      throw cannotWrite(whole, error);
    }
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends a piece. Rejects with `storage`. */
  async append(piece: Uint8Array): Promise<void> {
    try {
      await this.#part.appendFile(piece);
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
    this.#bytes += piece.length;
  }

  /**
   * Puts the file on disk, checks it as far as that goes without the broker's AES key, and gives it
   * its name. Rejects with `storage` or `already_exists`; then it is still to be discarded.
   */
  async finish(): Promise<void> {
    try {
      await this.#part.sync();
      await this.#part.close();
      await requireDatabase(this.#partPath);
      requireFree(this.#path, this.#replaces);
      await rename(this.#partPath, this.#path);
      syncFolder(dirname(this.#path));
    } catch (error) {
      throw error instanceof CipherMqError ? error : cannotWrite(this.#path, error);
    }
  }

  /** Leaves nothing of an unfinished file. */
  async discard(): Promise<void> {
    await this.#part.close().catch(() => {});
    await rm(this.#partPath, { force: true });
  }
}

function requireFree(path: string, replaces: boolean): void {
  requireUnused(path);
  if (replaces || !existsSync(path)) return;
  throw new CipherMqError(
    "already_exists",
    `cannot back up to ${path}: the file is there already`,
    {
      hint: "choose another file, or replace it with --force",
    },
  );
}

/**
 * A log says that a program has the database open or must open it again to finish. Its file must not
 * be exchanged: what is committed from then on would be lost, or be read into the backup.
 */
function requireUnused(path: string): void {
  if (!existsSync(`${path}-wal`)) return;
  throw new CipherMqError(
    "already_exists",
    `cannot back up to ${path}: it is a database in use, for ${path}-wal is there`,
    { hint: "choose another file: that one may be the broker's own" },
  );
}

/** SQLite itself looks at the copy: its pages and records, not yet what they mean. */
async function requireDatabase(path: string): Promise<void> {
  const problem = await hasMagic(path) ? problemOf(path) : "it is no SQLite database";
  for (const suffix of BESIDE) await rm(path + suffix, { force: true });
  if (problem === undefined) return;
  throw new CipherMqError("storage", `the backup is not usable: ${problem}`, {
    hint: "try again; if it stays so, check the disk of the broker",
  });
}

async function hasMagic(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(new Uint8Array(MAGIC.length), 0, MAGIC.length, 0);
    return new TextDecoder("latin1").decode(buffer) === MAGIC;
  } finally {
    await file.close();
  }
}

function problemOf(path: string): string | undefined {
  try {
    const db = new DatabaseSync(path);
    try {
      const found = db.prepare("PRAGMA quick_check(1)").get()?.quick_check;
      return found === "ok" ? undefined : String(found);
    } finally {
      db.close();
    }
  } catch (error) {
    return messageOf(error);
  }
}

function cannotWrite(path: string, cause: unknown): CipherMqError {
  return new CipherMqError("storage", `cannot back up to ${path}: ${messageOf(cause)}`, {
    hint: "check that the folder exists, has room and can be written by you",
    cause,
  });
}
