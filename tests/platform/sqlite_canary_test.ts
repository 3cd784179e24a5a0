/**
 * What the store relies on in the platform's SQLite.
 *
 * @module
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const FULL = 2;
/** Before it, a bug of the write-ahead log could lose commits. */
const OLDEST = [3, 51, 3];
/** SQLite copies its log into the file by itself after so many pages. */
const AUTOCHECKPOINT_PAGES = 1_000;

/** A database in a folder of its own. */
class Box implements Disposable {
  readonly folder = Deno.makeTempDirSync();
  readonly path = join(this.folder, "canary.db");
  readonly db = new DatabaseSync(this.path);

  [Symbol.dispose](): void {
    if (this.db.isOpen) this.db.close();
    Deno.removeSync(this.folder, { recursive: true });
  }

  /** The one value of a statement. */
  get(sql: string, ...parameters: (string | number | Uint8Array)[]): unknown {
    return Object.values(this.db.prepare(sql).get(...parameters) ?? {})[0];
  }

  size(suffix = ""): number {
    return statSync(this.path + suffix, { throwIfNoEntry: false })?.size ?? -1;
  }
}

Deno.test("SQLite is new enough not to lose commits of the write-ahead log", () => {
  using box = new Box();
  const text = box.get("SELECT sqlite_version()") as string;
  const version = text.split(".").map(Number);
  const place = version.findIndex((part, index) => part !== OLDEST[index]);
  assert.ok(place === -1 || version[place]! > OLDEST[place]!, text);
});

Deno.test("the write-ahead log and full synchronisation can be set, and told that they are", () => {
  using box = new Box();
  assert.equal(box.get("PRAGMA journal_mode = WAL"), "wal");
  box.db.exec("PRAGMA synchronous = FULL");
  assert.equal(box.get("PRAGMA synchronous"), FULL);
  box.db.exec("PRAGMA synchronous = NORMAL");
  assert.equal(box.get("PRAGMA synchronous"), FULL - 1, "what is told is what is set");
});

/** Settings of the store that are not the default, and what they are told as. */
const SETTINGS: readonly (readonly [string, string | number, string | number])[] = [
  ["locking_mode", "EXCLUSIVE", "exclusive"],
  ["page_size", 16_384, 16_384],
  ["fullfsync", "ON", 1],
  ["checkpoint_fullfsync", "ON", 1],
  ["journal_size_limit", 67_108_864, 67_108_864],
  ["cache_size", -8_192, -8_192],
  ["trusted_schema", "OFF", 0],
  ["cell_size_check", "ON", 1],
  ["application_id", 1_234, 1_234],
  ["user_version", 7, 7],
];
for (const [name, value, told] of SETTINGS) {
  Deno.test(`the setting ${name} is told as it was set`, () => {
    using box = new Box();
    assert.notEqual(box.get(`PRAGMA ${name}`), told, "it is not so by itself");
    box.db.exec(`PRAGMA ${name} = ${value}`);
    assert.equal(box.get(`PRAGMA ${name}`), told);
  });
}

for (const automatic of [false, true]) {
  const how = automatic ? "copied into the file by itself" : "left alone where that is turned off";
  Deno.test(`a log of more than ${AUTOCHECKPOINT_PAGES} pages is ${how}`, () => {
    using box = new Box();
    box.db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    if (!automatic) box.db.exec("PRAGMA wal_autocheckpoint = 0");
    box.db.exec("CREATE TABLE t(a)");
    const before = box.size();
    const insert = box.db.prepare("INSERT INTO t VALUES(zeroblob(3000))");
    for (let page = 0; page < 1.2 * AUTOCHECKPOINT_PAGES; page++) insert.run();
    assert.equal(box.size() > before, automatic);
  });
}

Deno.test("the length of the log is told without copying it, and a copy of all of it says so", () => {
  using box = new Box();
  box.db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(a)");
  const insert = box.db.prepare("INSERT INTO t VALUES(zeroblob(10000))");
  for (let row = 0; row < 10; row++) insert.run();
  const before = box.size();
  const { log, checkpointed } = box.db.prepare("PRAGMA wal_checkpoint(NOOP)").get()!;
  assert.ok((log as number) > 20, `${log} pages`);
  assert.deepEqual([checkpointed, box.size()], [0, before]);
  const done = box.db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()!;
  assert.deepEqual([done.busy, box.size("-wal")], [0, 0]);
  assert.ok(box.size() > before);
});

Deno.test("a log of a database that is locked for good has no file that others could share", () => {
  using box = new Box();
  box.db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; CREATE TABLE t(a)");
  assert.ok(box.size("-wal") > 0);
  assert.equal(box.size("-shm"), -1);
});

Deno.test("what was committed is there after an end without closing, and what was not is not", () => {
  using box = new Box();
  box.db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1)");
  box.db.exec("BEGIN; INSERT INTO t VALUES(2)");
  const copy = join(box.folder, "copy.db");
  for (const suffix of ["", "-wal"]) Deno.copyFileSync(box.path + suffix, copy + suffix);
  const db = new DatabaseSync(copy);
  const rows = db.prepare("SELECT a FROM t").all();
  db.close();
  assert.deepEqual(rows.map(({ a }) => a), [1]);
});

Deno.test("blobs come back byte by byte in memory of their own, and whole numbers exactly", () => {
  using box = new Box();
  box.db.exec("CREATE TABLE t(a BLOB NOT NULL, n INTEGER NOT NULL) STRICT");
  const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at);
  const given = bytes.slice();
  box.db.prepare("INSERT INTO t VALUES(?, ?)").run(given, Number.MAX_SAFE_INTEGER);
  given.fill(0);
  const read = box.db.prepare("SELECT a, n FROM t");
  const [one, other] = [read.get()!, read.get()!];
  assert.deepEqual(one.a, bytes);
  assert.equal(one.n, Number.MAX_SAFE_INTEGER);
  assert.notEqual((one.a as Uint8Array).buffer, (other.a as Uint8Array).buffer);
  assert.throws(() => box.db.prepare("INSERT INTO t VALUES(?, ?)").run("text", 1), /cannot store/);
});

Deno.test("parameters are data, whatever is in them", () => {
  using box = new Box();
  const evil = "'); DROP TABLE t; --\n\uFFFD😀";
  box.db.exec("CREATE TABLE t(a TEXT) STRICT");
  box.db.prepare("INSERT INTO t VALUES(?)").run(evil);
  assert.equal(box.get("SELECT a FROM t WHERE a = ?", evil), evil);
});

Deno.test("a text is read up to its first NUL, so no name and no reason may have one", () => {
  using box = new Box();
  assert.equal(box.get("SELECT ?", "before\0after"), "before");
});
