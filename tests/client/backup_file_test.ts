/**
 * The file of a backup: whole, checked and for its owner only, or not there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";
import { BackupFile } from "../../lib/client/backup_file.ts";

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly file = join(this.path, "backup.db");

  /** What is in the folder. */
  get names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).toSorted();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** The bytes of a database in the broker's mode, with an index. */
function database(): Uint8Array {
  const file = Deno.makeTempFileSync();
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a);
    CREATE INDEX i ON t (a);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
      INSERT INTO t SELECT i, 'row ' || i FROM n;`);
  db.close();
  const bytes = Deno.readFileSync(file);
  Deno.removeSync(file);
  return bytes;
}

async function written(folder: Folder, bytes: Uint8Array, replaces = false): Promise<BackupFile> {
  const file = await BackupFile.create(folder.file, replaces);
  for (let at = 0; at < bytes.length; at += 10_000) {
    await file.append(bytes.subarray(at, at + 10_000));
  }
  assert.equal(file.bytes, bytes.length);
  return file;
}

function failure(code: ErrorCode, text: RegExp) {
  return (error: unknown) =>
    error instanceof CipherMqError && error.code === code && text.test(error.message);
}

Deno.test("the file has its name when it is finished, holds what came, and is its owner's alone", async () => {
  using folder = new Folder();
  const bytes = database();
  const before = Deno.umask(0);
  try {
    const file = await written(folder, bytes);
    assert.match(folder.names.join(), /^backup\.db\.[-0-9a-f]{36}\.part$/);
    await file.finish();
  } finally {
    Deno.umask(before);
  }
  assert.deepEqual(folder.names, ["backup.db"]);
  assert.deepEqual(Deno.readFileSync(folder.file), bytes);
  assert.equal((Deno.statSync(folder.file).mode ?? 0) & 0o777, 0o600);
});

Deno.test("a database that is in use is never replaced, also not by force", async () => {
  using folder = new Folder();
  const inUse = failure("already_exists", /it is a database in use/);
  const db = new DatabaseSync(folder.file);
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  const before = Deno.readFileSync(folder.file);
  await assert.rejects(BackupFile.create(folder.file, true), inUse);
  db.close();
  const file = await written(folder, database(), true);
  Deno.writeTextFileSync(`${folder.file}-wal`, "");
  await assert.rejects(file.finish(), inUse);
  await file.discard();
  assert.deepEqual(folder.names, ["backup.db", "backup.db-wal"]);
  assert(Deno.readFileSync(folder.file).length >= before.length);
});

Deno.test("what is no whole database is refused, and nothing is left of it", async () => {
  const bytes = database();
  const torn = bytes.slice();
  torn.fill(0xff, bytes.length / 2, bytes.length / 2 + 4096);
  const cases = [
    [new Uint8Array(), /is no SQLite database/],
    [new TextEncoder().encode("SQLite format 4\0".repeat(9)), /is no SQLite database/],
    [bytes.subarray(0, bytes.length - 4096), /not usable/],
    [torn, /not usable/],
  ] as const;
  for (const [content, text] of cases) {
    using folder = new Folder();
    const file = await written(folder, content);
    await assert.rejects(file.finish(), failure("storage", text), String(text));
    await file.discard();
    assert.deepEqual(folder.names, []);
  }
});

Deno.test("a file that is there is replaced only when that is wanted, also when it came later", async () => {
  using folder = new Folder();
  const bytes = database();
  Deno.writeTextFileSync(folder.file, "mine", { mode: 0o644 });
  const there = failure("already_exists", /the file is there already/);
  await assert.rejects(BackupFile.create(folder.file, false), there);
  assert.deepEqual(folder.names, ["backup.db"]);
  Deno.removeSync(folder.file);
  const late = await written(folder, bytes);
  Deno.writeTextFileSync(folder.file, "mine");
  await assert.rejects(late.finish(), there);
  await late.discard();
  assert.equal(Deno.readTextFileSync(folder.file), "mine");
  await (await written(folder, bytes, true)).finish();
  assert.deepEqual(folder.names, ["backup.db"]);
  assert.equal((Deno.statSync(folder.file).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(Deno.readFileSync(folder.file), bytes);
});

Deno.test("a folder that is not there is an error that says so", async () => {
  using folder = new Folder();
  const create = BackupFile.create(join(folder.path, "missing", "backup.db"), false);
  await assert.rejects(create, failure("storage", /cannot back up to .*ENOENT|No such file/));
});
