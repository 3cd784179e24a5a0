/**
 * The database file before SQLite may write to it: made for the broker alone, or proven to be a
 * broker's. Another program's file is left as it is, byte by byte.
 *
 * @module
 */
import { chmodSync, closeSync, openSync, readSync, type Stats, statSync } from "node:fs";
import process from "node:process";
import { keepToOwnerCommand } from "../base/configuration.ts";
import { CipherMqError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { requireWholeLog } from "./log_check.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "./sqlite_schema.ts";

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
/** Where the header has what tells whose file it is. */
const MAGIC = "SQLite format 3\0";
const HEADER_BYTES = 100;
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;
/** How a rollback journal begins (sqlite.org/fileformat.html, 3). */
const JOURNAL_MAGIC = "d9d505f920a163d7";
/** Where it has how many pages the file had before, as 4 bytes. */
const PAGES_BEFORE_AT = 16;
const NEW_FILE_HINT =
  "give [database] dbname a new file name: the broker makes the file, and clients register their keys again";

/** The files that stores of this process have claimed, by {@linkcode fileOf}. */
const claimed = new Set<string>();

/**
 * Makes the file if there is none, and claims it until the function that this gives is called. Throws
 * `configuration` if it is not a broker's database, `storage` if it is claimed. All stores of a process
 * claim on one thread, whichever their databases are on.
 */
export function claimFile(path: string): () => void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) createFile(path);
  else takeFile(path, stats);
  const file = fileOf(statSync(path));
  claimed.add(file);
  return () => void claimed.delete(file);
}

function takeFile(path: string, stats: Stats): void {
  if (!stats.isFile()) throw refused(path, "it is not a file", NEW_FILE_HINT);
  requireUnclaimed(path, stats);
  if (stats.size > 0) requireOurs(path);
  requireWholeLog(path, stats.size);
  for (const suffix of ["", "-wal", "-journal"]) keepToOwner(path + suffix);
}

/** SQLite gives its own files the permissions of this one. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", OWNER_ONLY));
  } catch (error) {
    const why = messageOf(error);
    throw new CipherMqError("configuration", `cannot make the database ${path}: ${why}`, {
      hint: "check that the folder exists and that the broker's user may write to it",
      cause: error,
    });
  }
}

/**
 * Reads the header itself (sqlite.org/fileformat.html, 1.3): SQLite would make a log beside another
 * program's file, and its URLs, which could forbid that, need more permissions than the broker has.
 */
function requireOurs(path: string): void {
  const header = headOf(path);
  const magic = new TextDecoder("latin1").decode(new Uint8Array(header.buffer, 0, MAGIC.length));
  if (magic === MAGIC) {
    requireMarks(path, header.getInt32(APPLICATION_ID_AT), header.getInt32(USER_VERSION_AT));
  } else if (!isBeingMade(path)) {
    throw refused(path, "it is not a SQLite database", NEW_FILE_HINT);
  }
}

/**
 * Whether the machine went down while SQLite wrote the very first pages: they may have reached the
 * disk in any order, and a journal beside them says that there was nothing before. SQLite takes them
 * back when it opens the file.
 */
function isBeingMade(path: string): boolean {
  const journal = `${path}-journal`;
  if (statSync(journal, { throwIfNoEntry: false }) === undefined) return false;
  const header = headOf(journal);
  const magic = new Uint8Array(header.buffer, 0, JOURNAL_MAGIC.length / 2).toHex();
  return magic === JOURNAL_MAGIC && header.getUint32(PAGES_BEFORE_AT) === 0;
}

/** The first bytes of a file; zeros where it has none. */
function headOf(path: string): DataView<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  return header;
}

/** Closing a handle of a file drops all locks that the process has on it, SQLite's too (POSIX). */
function requireUnclaimed(path: string, stats: Stats): void {
  if (!claimed.has(fileOf(stats))) return;
  throw new CipherMqError("storage", `cannot use the database ${path}: database is locked`, {
    hint: "this program has the file open already: use another file",
  });
}

/** What a file is known by, the same for every name of it. */
export function fileOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

/** Throws `configuration` unless the marks of a file are those of this version's database. */
export function requireMarks(path: string, applicationId: unknown, version: unknown): void {
  if (applicationId !== APPLICATION_ID) {
    throw refused(
      path,
      "it belongs to another program or to the original CipherMQ, and is left as it is",
      NEW_FILE_HINT,
    );
  }
  if (version !== SCHEMA_VERSION) {
    throw refused(
      path,
      `its format is version ${version}, this program knows version ${SCHEMA_VERSION}`,
      "run the version of CipherMQ that made the file",
    );
  }
}

/**
 * What a restored backup or a permissive umask opened to others is closed again: messages are
 * encrypted, but who writes to whom is not. Refusing would keep a broker down and protect nothing.
 */
function keepToOwner(path: string): void {
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || process.platform === "win32" || (stats.mode & OTHERS) === 0) return;
  try {
    chmodSync(path, OWNER_ONLY);
  } catch (error) {
    const why = messageOf(error);
    throw new CipherMqError("configuration", `${path} is open to other users: ${why}`, {
      hint: `run: ${keepToOwnerCommand(path)}`,
      cause: error,
    });
  }
  logger("store").warn("{path} was open to other users (mode {mode}); it is 600 now", {
    path,
    mode: (stats.mode & 0o777).toString(8),
  });
}

function refused(path: string, why: string, hint: string): CipherMqError {
  return new CipherMqError("configuration", `cannot use the database ${path}: ${why}`, { hint });
}
