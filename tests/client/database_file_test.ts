/**
 * How clients open their SQLite files, and what they refuse.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type DatabaseKind, inTransaction, openDatabase } from "../../lib/client/database_file.ts";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";

const KIND: DatabaseKind = {
  name: "box",
  schema: "CREATE TABLE item(n INTEGER NOT NULL UNIQUE) STRICT",
  version: 3,
  inUseHint: "stop the other",
  versionHint: "use the newer",
};

function isError(code: ErrorCode, text: RegExp, hint?: string): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof CipherMqError);
    assert.match(error.message, text);
    assert.deepEqual([error.code, error.hint], [code, hint]);
    return true;
  };
}

Deno.test("a file is made with its folder, kept, and refused in use, of another version, or where there is none", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/new/box.db`;
    const db = openDatabase(path, KIND);
    db.exec("INSERT INTO item VALUES(1)");
    assert.throws(
      () => openDatabase(path, KIND),
      isError("conflict", /^cannot open the box .* it is in use$/, "stop the other"),
    );
    db.close();
    const again = openDatabase(path, KIND);
    assert.equal(again.prepare("SELECT n FROM item").get()?.n, 1);
    again.close();
    assert.throws(
      () => openDatabase(path, { ...KIND, version: 2 }),
      isError("storage", /^cannot use the box .* it has version 3$/, "use the newer"),
    );
    assert.throws(
      () => openDatabase(`${path}/box.db`, KIND),
      isError(
        "storage",
        /^cannot open .*: a file is there already/,
        "name another path, or move that file away",
      ),
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a file whose write-ahead log SQLite did not turn on is refused", () => {
  const folder = Deno.makeTempDirSync();
  const { exec } = DatabaseSync.prototype;
  try {
    // As after a failed sync, of which SQLite says nothing.
    DatabaseSync.prototype.exec = function (sql) {
      exec.call(this, sql.replace("PRAGMA journal_mode = WAL;", ""));
    };
    assert.throws(
      () => openDatabase(`${folder}/box.db`, KIND),
      isError(
        "storage",
        /cannot turn on its write-ahead log$/,
        "check the disk, then run it again",
      ),
    );
  } finally {
    DatabaseSync.prototype.exec = exec;
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a transaction that fails changes nothing, and the next one works", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const db = openDatabase(`${folder}/box.db`, KIND);
    const insert = (...numbers: number[]) => () => {
      for (const n of numbers) db.prepare("INSERT INTO item VALUES(?)").run(n);
    };
    const twice = () => inTransaction(db, "box", insert(1, 2, 2));
    assert.throws(twice, isError("storage", /^cannot write the box: /));
    inTransaction(db, "box", insert(2, 3));
    const rows = db.prepare("SELECT n FROM item ORDER BY n").all();
    assert.deepEqual(rows.map(({ n }) => n), [2, 3]);
    db.close();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
