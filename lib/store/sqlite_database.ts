/**
 * Opens the broker's database: claimed, locked, set up, and opened by the right key; or not at all.
 *
 * @module
 */
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../base/errors.ts";
import type { KeyVault, Sealed } from "./key_vault.ts";
import { storageError } from "./sqlite_error.ts";
import { claimFile, rememberOpen, requireMarks } from "./sqlite_file.ts";
import {
  createTables,
  finishSettings,
  isEmpty,
  prepareDatabase,
  requireSqlite,
  setting,
} from "./sqlite_schema.ts";

/** What the check value is sealed for. Not a client id: those begin otherwise. */
const CHECK_OWNER = "check";
const CHECK_VALUE = new TextEncoder().encode("ciphermq");

/** Up to this size a check at every start costs little: 0.2 s per GB, or as long as reading it takes. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** Opens or makes the database. Nobody else can open it before it is closed. */
export function openDatabase(path: string, vault: KeyVault): DatabaseSync {
  // Absolute, so that SQLite takes no name for a URL or for a database in memory.
  const file = resolve(path);
  let db: DatabaseSync | undefined;
  try {
    claimFile(file);
    db = new DatabaseSync(file, { enableForeignKeyConstraints: false, timeout: 0 });
    rememberOpen(file, db);
    requireSqlite(String(Object.values(db.prepare("SELECT sqlite_version()").get() ?? {})[0]));
    prepareDatabase(db);
    createOrVerify(db, path, vault);
    finishSettings(db);
    requireIntact(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw storageError(path, error);
  }
}

/** In one transaction: it takes the lock, and a new file becomes ours with all its tables at once. */
function createOrVerify(db: DatabaseSync, path: string, vault: KeyVault): void {
  db.prepare("BEGIN IMMEDIATE").run();
  if (isEmpty(db)) {
    createTables(db);
    const { ciphertext, nonce, tag } = vault.seal(CHECK_OWNER, CHECK_VALUE);
    db.prepare("INSERT INTO key_check (ciphertext, nonce, tag) VALUES (?, ?, ?)")
      .run(ciphertext, nonce, tag);
  } else {
    requireMarks(path, setting(db, "application_id"), setting(db, "user_version"));
    requireKey(db, path, vault);
  }
  db.prepare("COMMIT").run();
}

function requireKey(db: DatabaseSync, path: string, vault: KeyVault): void {
  const row = db.prepare("SELECT ciphertext, nonce, tag FROM key_check").get();
  if (row !== undefined && vault.open(CHECK_OWNER, row as unknown as Sealed) !== undefined) return;
  throw new CipherMqError(
    "configuration",
    `cannot open the database ${path}: it was made with another aes_key`,
    { hint: "use the aes_key that the broker had when it made the file, or a new file" },
  );
}

function requireIntact(db: DatabaseSync, path: string): void {
  const bytes = Number(setting(db, "page_count")) * Number(setting(db, "page_size"));
  if (bytes > MAX_CHECKED_BYTES) return;
  const found = setting(db, "quick_check(1)");
  if (found === "ok") return;
  throw new CipherMqError("storage", `cannot use the database ${path}: it is damaged`, {
    hint: "check the disk and restore the file from a backup",
    cause: new Error(String(found)),
  });
}
