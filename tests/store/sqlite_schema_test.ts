/**
 * The settings that durability depends on.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  createTables,
  finishSettings,
  prepareDatabase,
  requireSqlite,
  SCHEMA_VERSION,
  setting,
} from "../../lib/store/sqlite_schema.ts";
import { DatabaseFolder, failure } from "./database_folder.ts";

Deno.test("an open database syncs at every commit, checkpoints when the store asks, and is locked", () => {
  using box = new DatabaseFolder();
  for (let round = 0; round < 2; round++) {
    const db = box.openDatabase();
    assert.equal(setting(db, "synchronous"), 2);
    assert.equal(setting(db, "journal_mode"), "wal");
    assert.equal(setting(db, "page_size"), 16384);
    assert.equal(setting(db, "wal_autocheckpoint"), 0);
    assert.equal(setting(db, "locking_mode"), "exclusive");
    assert.equal(setting(db, "trusted_schema"), 0);
    assert.equal(setting(db, "fullfsync"), 1);
    assert.equal(setting(db, "application_id"), 0x434d5131);
    assert.equal(setting(db, "user_version"), SCHEMA_VERSION);
    db.close();
  }
});

Deno.test("a database whose settings do not take is refused", () => {
  const db = new DatabaseSync(":memory:");
  prepareDatabase(db);
  const refusal = failure("storage", /cannot use the database x: SQLite has .* and not /);
  assert.throws(() => finishSettings(db, "x"), refusal);
  db.close();
});

Deno.test("a log that SQLite says it has turned on, and has not, is refused", () => {
  using box = new DatabaseFolder();
  const db = new DatabaseSync(box.path);
  prepareDatabase(db);
  createTables(db);
  const { exec, prepare } = DatabaseSync.prototype;
  // As after a failed sync of the journal that turning on the log needs.
  db.exec = (sql) => exec.call(db, sql.replace("PRAGMA journal_mode = WAL;", ""));
  db.prepare = (sql) => prepare.call(db, sql.replace(/^PRAGMA journal_mode$/, "SELECT 'wal'"));
  const refusal = failure("storage", /x: SQLite cannot turn on its write-ahead log/);
  assert.throws(() => finishSettings(db, "x"), refusal);
  db.close();
});

Deno.test("SQLite before 3.51.3 is refused, later ones are not", () => {
  for (const version of ["3.40.1", "3.51.2", "3.51", "2.99.99"]) {
    assert.throws(() => requireSqlite(version), failure("configuration", /can lose commits/));
  }
  for (const version of ["3.51.3", "3.51.10", "3.53.2", "4.0.0"]) requireSqlite(version);
});
