/**
 * The database file before SQLite may write to it: made for the broker alone, or proven to be a
 * broker's. Another program's file is left as it is, byte by byte.
 *
 * @module
 */
import { chmodSync, closeSync, openSync, type Stats, statSync } from "node:fs";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { CipherMqError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { resultCode, storageError } from "./sqlite_error.ts";
import { APPLICATION_ID, SCHEMA_VERSION, setting } from "./sqlite_schema.ts";

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const NOT_A_DATABASE = 26;
const NEW_FILE_HINT =
  "give [database] dbname a new file name: the broker makes the file, and clients register their keys again";

/** Makes the file if there is none; throws `configuration` if it is not a broker's database. */
export function claimFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return createFile(path);
  if (!stats.isFile()) throw refused(path, "it is not a file", NEW_FILE_HINT);
  if (stats.size > 0) requireOurs(path);
  for (const suffix of ["", "-wal", "-journal"]) keepToOwner(path + suffix);
}

/** SQLite gives its own files the permissions of this one. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", OWNER_ONLY));
  } catch (error) {
    throw new CipherMqError("configuration", `cannot make the database ${path}: ${text(error)}`, {
      hint: "check that the folder exists and that the broker's user may write to it",
      cause: error,
    });
  }
}

/**
 * Reads the header through SQLite, not with an own file handle: closing that would drop the locks of
 * a store that this process has open on the same file. `immutable` touches neither file nor log.
 */
function requireOurs(path: string): void {
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(url, { readOnly: true });
    requireMarks(path, setting(db, "application_id"), setting(db, "user_version"));
  } catch (error) {
    if (resultCode(error) !== NOT_A_DATABASE) throw storageError(path, error);
    throw refused(path, "it is not a SQLite database", NEW_FILE_HINT);
  } finally {
    db?.close();
  }
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
    throw new CipherMqError("configuration", `${path} is open to other users: ${text(error)}`, {
      hint: `run: chmod 600 ${path}`,
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

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
