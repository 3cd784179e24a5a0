/**
 * What SQLite's failures look like to a person.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../../lib/base/errors.ts";
import { damageError, resultCode, storageError } from "../../lib/store/sqlite_error.ts";

Deno.test("a full database is an error that names the file, SQLite's text and what to do", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a); PRAGMA max_page_count = 2");
  let full: unknown;
  try {
    db.prepare("INSERT INTO t VALUES (zeroblob(100000))").run();
  } catch (error) {
    full = error;
  }
  db.close();
  assert.equal(resultCode(full), 13);
  const error = storageError("data/broker.db", full);
  assert.equal(error.code, "storage");
  assert.equal(error.message, "cannot use the database data/broker.db: database or disk is full");
  assert.match(error.hint ?? "", /make room/);
  assert.equal(error.cause, full);
});

Deno.test("an extended result code has its primary code's hint", () => {
  const error = Object.assign(new Error("disk I/O error"), { errcode: 10 | (4 << 8) });
  assert.match(storageError("x", error).hint ?? "", /check it/);
});

Deno.test("an error of SQLite that has no code has a hint all the same", () => {
  const db = new DatabaseSync(":memory:");
  let failed: unknown;
  try {
    db.exec("PRAGMA query_only = ON; CREATE TABLE t (a)");
  } catch (error) {
    failed = error;
  }
  db.close();
  assert.equal(resultCode(failed), undefined);
  assert.match(storageError("x", failed).hint ?? "", /check the disk/);
});

Deno.test("other errors have no hint, and a CipherMqError stays what it is", () => {
  assert.equal(storageError("x", new Error("bug")).hint, undefined);
  assert.equal(resultCode("bug"), undefined);
  const known = new CipherMqError("cryptographic", "known");
  assert.equal(storageError("x", known), known);
});

Deno.test("what no broker wrote is called damaged, with advice; other failures stay what they are", () => {
  const error = damageError("data/broker.db", new TypeError("heads"));
  assert.equal(error.code, "storage");
  assert.match(error.message, /the database data\/broker\.db: it is damaged: heads$/);
  assert.match(error.hint ?? "", /restore the file from a backup/);
  const busy = damageError("x", Object.assign(new Error("database is locked"), { errcode: 5 }));
  assert.equal(busy.message, "cannot use the database x: database is locked");
  const known = new CipherMqError("cryptographic", "known");
  assert.equal(damageError("x", known), known);
});
