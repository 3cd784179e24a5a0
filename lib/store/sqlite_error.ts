/**
 * SQLite's failures as errors for a person.
 *
 * @module
 */
import { CipherMqError, messageOf } from "../base/errors.ts";
import { RowDamage } from "./row_sum.ts";

/** SQLite's primary result codes (sqlite.org/rescode.html) and what to do about them. */
const HINTS: ReadonlyMap<number, string> = new Map([
  [1, "the file has not the tables of a broker: restore it from a backup"],
  [5, "another broker, or another program, has the file open: stop it, or use another file"],
  [8, "make the file and its folder writable for the user the broker runs as"],
  [10, "the disk or file system fails: check it, then start the broker again"],
  [11, "the file is damaged: check the disk and restore the file from a backup"],
  [13, "the disk is full: make room, then start the broker again"],
  [14, "check that the folder exists and that the broker's user may write to it"],
  [26, "the file is not a SQLite database, or damaged: use another file or restore a backup"],
]);
const DAMAGED_HINT = "check the disk and restore the file from a backup";
/** Where SQLite's error has no code. */
const ANY_HINT = "check the disk, the file and its folder, then start the broker again";

/**
 * The primary result code of an error that SQLite gave, or nothing for any other error. Errors of
 * `exec` have none: where a hint matters, prepare the statement.
 */
export function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { errcode?: unknown }).errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** The error `storage` for a database that holds what no broker wrote. Others stay what they are. */
export function damageError(path: string, error: unknown): CipherMqError {
  if (error instanceof CipherMqError || resultCode(error) !== undefined) {
    return storageError(path, error);
  }
  const why = messageOf(error);
  return new CipherMqError("storage", `cannot use the database ${path}: it is damaged: ${why}`, {
    cause: error,
    hint: DAMAGED_HINT,
  });
}

/** The error `storage` for a failure under the file `path`. A CipherMqError stays what it is. */
export function storageError(path: string, error: unknown): CipherMqError {
  if (error instanceof CipherMqError) return error;
  if (error instanceof RowDamage) return damageError(path, error);
  const hint = HINTS.get(resultCode(error) ?? -1) ?? (isSqlites(error) ? ANY_HINT : undefined);
  const why = messageOf(error);
  return new CipherMqError("storage", `cannot use the database ${path}: ${why}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function isSqlites(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "ERR_SQLITE_ERROR";
}
