/**
 * Opens the broker's database: locked, set up and intact; or not at all.
 *
 * @module
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../base/errors.ts";
import type { DatabaseOptions } from "./database.ts";
import type { Sealed } from "./key_vault.ts";
import { storageError } from "./sqlite_error.ts";
import { requireMarks } from "./sqlite_file.ts";
import {
  createTables,
  finishSettings,
  isEmpty,
  prepareDatabase,
  requireSqlite,
  setting,
} from "./sqlite_schema.ts";

/** Up to this size a check at every start costs little: 0.2 s per GB, or as long as reading it takes. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

const OPTIONS = { enableForeignKeyConstraints: false, timeout: 0 } as const;

/**
 * Opens the database of a claimed file, or makes it with this sealed check value. Nobody else can open
 * it before it is closed. Throws a CipherMqError, and has changed nothing of a damaged database then.
 */
export function openDatabase({ path, check }: DatabaseOptions): DatabaseSync {
  // Absolute, so that SQLite takes no name for a URL or for a database in memory.
  const file = resolve(path);
  let db: DatabaseSync | undefined;
  try {
    const hasLog = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
    if (hasLog) requireIntactWithLog(file, path);
    db = new DatabaseSync(file, OPTIONS);
    requireSqlite(String(Object.values(db.prepare("SELECT sqlite_version()").get() ?? {})[0]));
    prepareDatabase(db);
    createOrVerify(db, path, check);
    finishSettings(db, path);
    if (!hasLog) requireIntact(db, path, "check the disk and restore the file from a backup");
    return db;
  } catch (error) {
    db?.close();
    throw storageError(path, error);
  }
}

/** In one transaction: it takes the lock, and a new file becomes ours with all its tables at once. */
function createOrVerify(db: DatabaseSync, path: string, check: Sealed): void {
  db.prepare("BEGIN IMMEDIATE").run();
  if (isEmpty(db)) {
    createTables(db);
    db.prepare("INSERT INTO key_check (ciphertext, nonce, tag) VALUES (?, ?, ?)")
      .run(check.ciphertext, check.nonce, check.tag);
  } else {
    requireMarks(path, setting(db, "application_id"), setting(db, "user_version"));
  }
  db.prepare("COMMIT").run();
}

/**
 * Closing a database that may be written to copies its log into the file, and then the two cannot be
 * told apart any more: a log that was left beside a restored file would be lost with its commits.
 */
function requireIntactWithLog(file: string, path: string): void {
  const db = new DatabaseSync(file, { ...OPTIONS, readOnly: true });
  try {
    requireIntact(
      db,
      path,
      `if the file was restored, keep ${path}-wal elsewhere: it belongs to the file that was there before; ` +
        "else check the disk and restore the file from a backup",
    );
  } finally {
    db.close();
  }
}

function requireIntact(db: DatabaseSync, path: string, hint: string): void {
  const bytes = Number(setting(db, "page_count")) * Number(setting(db, "page_size"));
  if (bytes > MAX_CHECKED_BYTES) return;
  const found = setting(db, "quick_check(1)");
  if (found === "ok") return;
  throw new CipherMqError("storage", `cannot use the database ${path}: it is damaged`, {
    hint,
    cause: new Error(String(found)),
  });
}
