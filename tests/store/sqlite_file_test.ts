/**
 * Files the store makes, refuses and leaves alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { CipherMqError } from "../../lib/base/errors.ts";
import { DatabaseFolder, failure } from "./database_folder.ts";

/** Fails unless opening is refused and leaves the folder as it was, byte by byte. */
async function assertRefusedUntouched(box: DatabaseFolder, text: RegExp): Promise<void> {
  const bytes = Deno.readFileSync(box.path);
  const files = box.files();
  await assert.rejects(box.open(), failure("configuration", text));
  assert.deepEqual(Deno.readFileSync(box.path), bytes);
  assert.deepEqual(box.files(), files);
}

function withDatabase(box: DatabaseFolder, sql: string): void {
  const db = new DatabaseSync(box.path);
  db.exec(sql);
  db.close();
}

Deno.test("a new database and its log are open to their owner only, whatever the umask", async () => {
  const before = Deno.umask(0);
  try {
    using box = new DatabaseFolder();
    const store = await box.open();
    await store.load();
    await store.commit([{ kind: "queue_declared", queue: "q", options: {} }], 1);
    assert.deepEqual(box.files(), { "broker.db": "600", "broker.db-wal": "600" });
    await store.close();
    assert.deepEqual(box.files(), { "broker.db": "600" });
  } finally {
    Deno.umask(before);
  }
});

Deno.test("a database that others can read is closed to them again", async () => {
  using box = new DatabaseFolder();
  await (await box.open()).close();
  Deno.chmodSync(box.path, 0o644);
  const store = await box.open();
  assert.equal(box.files()["broker.db"], "600");
  await store.close();
});

Deno.test("the original's database is refused by name and left as it is", async () => {
  using box = new DatabaseFolder();
  withDatabase(
    box,
    "CREATE TABLE public_keys (client_id TEXT PRIMARY KEY, public_key_ciphertext BLOB, nonce BLOB, tag BLOB)",
  );
  Deno.chmodSync(box.path, 0o644);
  await assertRefusedUntouched(
    box,
    /cannot use the database .*broker\.db: .*the original CipherMQ/,
  );
});

Deno.test("another program's database in write-ahead mode is refused and left as it is", async () => {
  using box = new DatabaseFolder();
  const other = new DatabaseSync(box.path);
  other.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  await assertRefusedUntouched(box, /another program/);
  other.close();
});

Deno.test("a file that is no database is refused and left as it is", async () => {
  using box = new DatabaseFolder();
  Deno.writeTextFileSync(box.path, "message_id,message\n".repeat(1000));
  await assertRefusedUntouched(box, /it is not a SQLite database/);
});

/** The first pages of a database without the first of all, and a journal of one with `pagesBefore`. */
function writeTornPages(box: DatabaseFolder, pagesBefore: number): void {
  Deno.writeFileSync(box.path, new Uint8Array(32 * 1024).fill(5, 16 * 1024), { mode: 0o600 });
  const journal = new DataView(new ArrayBuffer(512));
  journal.setBigUint64(0, 0xd9d505f920a163d7n);
  journal.setUint32(16, pagesBefore);
  journal.setUint32(20, 512);
  journal.setUint32(24, 16 * 1024);
  Deno.writeFileSync(`${box.path}-journal`, new Uint8Array(journal.buffer), { mode: 0o600 });
}

Deno.test("a database whose first pages a power cut tore is made anew", async () => {
  using box = new DatabaseFolder();
  writeTornPages(box, 0);
  const store = await box.open();
  assert.deepEqual((await store.load()).lanes, []);
  await store.close();
  assert.deepEqual(box.files(), { "broker.db": "600" });
});

Deno.test("a torn file that had pages before is refused and left as it is", async () => {
  using box = new DatabaseFolder();
  writeTornPages(box, 1);
  await assertRefusedUntouched(box, /it is not a SQLite database/);
});

Deno.test("a folder in the database's place is refused", async () => {
  using box = new DatabaseFolder();
  Deno.mkdirSync(box.path);
  await assert.rejects(box.open(), failure("configuration", /it is not a file/));
});

Deno.test("a database of another version is refused and left as it is", async () => {
  for (const version of [0, 1, 2, 99]) {
    using box = new DatabaseFolder();
    await (await box.open()).close();
    withDatabase(box, `PRAGMA user_version = ${version}`);
    await assertRefusedUntouched(box, new RegExp(`its format is version ${version}`));
    await assert.rejects(
      box.open(),
      (error: CipherMqError) => /run the version/.test(error.hint ?? ""),
    );
  }
});

Deno.test("a database whose folder is missing is refused", async () => {
  using box = new DatabaseFolder();
  const path = `${box.folder}/missing/broker.db`;
  Object.assign(box, { path });
  await assert.rejects(box.open(), failure("configuration", /cannot make the database .*missing/));
});

Deno.test("an empty file is taken as a new database", async () => {
  using box = new DatabaseFolder();
  Deno.writeFileSync(box.path, new Uint8Array());
  const store = await box.open();
  assert.deepEqual((await store.load()).queues, []);
  await store.close();
});
