/**
 * A client's SQLite file: made for its owner only, held by one process, and safe when a commit
 * returns.
 *
 * @module
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import { systemError, systemReason } from "../base/system_error.ts";

/** What a file is, for its tables and its errors. */
export interface DatabaseKind {
  /** Its name in errors, such as `inbox`. */
  readonly name: string;
  /** The statements that make its tables. */
  readonly schema: string;
  /** The version of the tables, above 0. */
  readonly version: number;
  /** What to do when another process has it open. */
  readonly inUseHint: string;
  /** What to do when a program of another version made it. */
  readonly versionHint: string;
}

/** `PRAGMA synchronous` = FULL. */
const FULL = 2;

/** Opens the file, or makes it with its folder. Throws `storage`, or `conflict` when it is in use. */
export function openDatabase(path: string, kind: DatabaseKind): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    // SQLite would make it readable by everybody; its companion files take over the mode.
    closeSync(openSync(path, "a", 0o600));
    db = new DatabaseSync(path);
    prepare(db, path, kind);
    return db;
  } catch (cause) {
    db?.close();
    throw openError(path, kind, cause);
  }
}

/** Makes changes together; they are on disk when it returns. Throws `storage`, and nothing is changed then. */
export function inTransaction(db: DatabaseSync, name: string, change: () => void): void {
  try {
    db.exec("BEGIN IMMEDIATE");
    change();
    db.exec("COMMIT");
  } catch (cause) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw systemError("storage", `cannot write the ${name}`, cause);
  }
}

function prepare(db: DatabaseSync, path: string, kind: DatabaseKind): void {
  // Exclusive: of two processes each would miss what the other writes.
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  assert(db.prepare("PRAGMA synchronous").get()?.synchronous === FULL, "commits are synchronous");
  db.exec("BEGIN EXCLUSIVE");
  const version = db.prepare("PRAGMA user_version").get()?.user_version;
  if (version === 0) db.exec(`${kind.schema}; PRAGMA user_version = ${kind.version}`);
  db.exec("COMMIT");
  if (version !== 0 && version !== kind.version) {
    const text = `cannot use the ${kind.name} ${path}: it has version ${version}`;
    throw new CipherMqError("storage", text, { hint: kind.versionHint });
  }
  // When the disk fails as the log is turned on, SQLite says nothing, and "wal" when it is asked.
  const log = db.prepare("PRAGMA wal_checkpoint(NOOP)").get()?.log as number;
  if (log >= 0) return;
  const text = `cannot use the ${kind.name} ${path}: SQLite cannot turn on its write-ahead log`;
  throw new CipherMqError("storage", text, { hint: "check the disk, then run it again" });
}

function openError(path: string, { name, inUseHint }: DatabaseKind, cause: unknown): CipherMqError {
  if (/locked/.test(systemReason(cause)?.why ?? "")) {
    const text = `cannot open the ${name} ${path}: it is in use`;
    return new CipherMqError("conflict", text, { cause, hint: inUseHint });
  }
  return systemError("storage", `cannot open the ${name} ${path}`, cause);
}
