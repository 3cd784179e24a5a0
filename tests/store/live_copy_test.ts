/**
 * Copies of a database in use are whole, of one commit, and nobody else's to read.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Fuse } from "../../lib/store/fuse.ts";
import { KeyVault } from "../../lib/store/key_vault.ts";
import { LiveCopy } from "../../lib/store/live_copy.ts";
import { openDatabase } from "../../lib/store/sqlite_database.ts";
import { storageError } from "../../lib/store/sqlite_error.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { WriteAheadLog } from "../../lib/store/write_ahead_log.ts";
import { bodyOf, enqueued, removed } from "../contracts/store_model.ts";
import { AES_KEY, DatabaseFolder, failure } from "./database_folder.ts";

const LANES = [{ queue: "q", receiver: "r" }, { queue: "q", receiver: "s" }] as const;
const SIZE = 60_000;

/** One commit: a message in each lane, and the removal of an older one. */
async function commitOne(store: SqliteStore, seq: number): Promise<void> {
  const removals = seq >= 5 ? [removed(LANES[0], seq - 5)] : [];
  await store.commit([...LANES.map((lane) => enqueued(lane, seq, SIZE)), ...removals], seq);
}

async function filled(box: DatabaseFolder, commits: number): Promise<SqliteStore> {
  const store = box.open();
  await store.load();
  for (let seq = 0; seq < commits; seq++) await commitOne(store, seq);
  return store;
}

/** Opens a copy and fails unless it is the state after one commit; gives how many there were. */
async function commitsIn(path: string): Promise<number> {
  const db = new DatabaseSync(path);
  assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  db.close();
  const store = SqliteStore.open({ path, aesKey: AES_KEY, cacheBytes: 0 });
  const { lanes, messages } = await store.load();
  const [first, second] = lanes.map((lane) => lane.nextSeq);
  assert.equal(first, second);
  const queued = [...messages].filter((m) => m.gone === undefined).map((m) => m.message);
  assert.equal(queued.length, first! + Math.min(5, first!));
  const bodies = await store.read(queued);
  assert.deepEqual(bodies, queued.map((m) => bodyOf(m, m.seq, SIZE)));
  await store.close();
  return first!;
}

Deno.test("a backup is the state of the last commit, for its owner only, and opens as a database", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 30);
  const path = `${box.folder}/copy.db`;
  const before = Deno.umask(0);
  const bytes = await store.backup(path).finally(() => Deno.umask(before));
  assert.equal(box.files()["copy.db"], "600");
  assert.equal(Deno.statSync(path).size, bytes);
  assert.equal(await commitsIn(path), 30);
  await commitOne(store, 30);
  await store.close();
});

Deno.test("commits go on during a backup, and one that began later is not in it, in part or whole", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 100);
  const path = `${box.folder}/copy.db`;
  let ended = false;
  const copying = store.backup(path).finally(() => ended = true);
  let commits = 100;
  while (!ended) {
    await commitOne(store, commits++);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await copying;
  const copied = await commitsIn(path);
  assert.ok(copied >= 100 && copied < commits, `${copied} of ${commits}`);
  await store.close();
  assert.equal(await commitsIn(box.path), commits);
});

Deno.test("the file stays as it is until it is copied, and the log is moved into it again afterwards", async () => {
  using box = new DatabaseFolder();
  const db = openDatabase(box.path, new KeyVault(AES_KEY));
  db.exec(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, round INTEGER, pad BLOB);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
      INSERT INTO t SELECT i, 0, zeroblob(60000) FROM n;
  `);
  const log = new WriteAheadLog(db, new Fuse((error) => storageError(box.path, error)), 1);
  const copy = new LiveCopy(db, box.path, log);
  let ended = false;
  const copying = copy.to(`${box.folder}/copy.db`).finally(() => ended = true);
  for (let round = 1; !ended; round++) {
    db.exec(`UPDATE t SET round = ${round}`);
    log.shorten();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await copying;
  const uncopied = () => {
    const { log, checkpointed } = db.prepare("PRAGMA wal_checkpoint(NOOP)").get()!;
    return Number(log) - Number(checkpointed);
  };
  assert.ok(uncopied() > 0);
  log.shorten();
  assert.equal(uncopied(), 0);
  db.close();
  copy.close();
  const copied = new DatabaseSync(`${box.folder}/copy.db`);
  const { rounds } = copied.prepare("SELECT count(DISTINCT round) AS rounds FROM t").get()!;
  copied.close();
  assert.equal(rounds, 1);
});

Deno.test("a backup never overwrites, and a failed one leaves the store usable and no file", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  const path = `${box.folder}/there`;
  Deno.writeTextFileSync(path, "mine");
  await assert.rejects(store.backup(path), failure("already_exists", /there: it exists already/));
  assert.equal(Deno.readTextFileSync(path), "mine");
  await assert.rejects(store.backup(box.path), failure("already_exists", /broker\.db/));
  const missing = `${box.folder}/missing/copy.db`;
  await assert.rejects(store.backup(missing), failure("storage", /cannot back up to .*missing/));
  await commitOne(store, 3);
  await store.backup(`${box.folder}/copy.db`);
  assert.equal(await commitsIn(`${box.folder}/copy.db`), 4);
  await store.close();
});

Deno.test("one backup is made at a time", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  const first = store.backup(`${box.folder}/a.db`);
  await assert.rejects(store.backup(`${box.folder}/b.db`), failure("limit", /is being made/));
  await first;
  await store.backup(`${box.folder}/b.db`);
  assert.deepEqual(Object.keys(box.files()).filter((name) => /^[ab]\./.test(name)), [
    "a.db",
    "b.db",
  ]);
  await store.close();
});

Deno.test("a store that closes during a backup ends it and leaves no half of it", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 100);
  const copying = store.backup(`${box.folder}/copy.db`);
  await Promise.all([
    assert.rejects(copying, failure("storage", /the database is being closed/)),
    store.close(),
  ]);
  assert.deepEqual(box.files(), { "broker.db": "600" });
  await assert.rejects(store.backup(`${box.folder}/copy.db`), failure("storage", /is closed/));
});

Deno.test("a database that was replaced is not backed up as if it were this one", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  Deno.renameSync(box.path, `${box.folder}/moved.db`);
  Deno.writeTextFileSync(box.path, "another");
  const backup = store.backup(`${box.folder}/copy.db`);
  await assert.rejects(backup, failure("storage", /moved or replaced/));
  Deno.removeSync(box.path);
  Deno.renameSync(`${box.folder}/moved.db`, box.path);
  await store.close();
});

Deno.test("another process is kept out of a database after it was backed up", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  await store.backup(`${box.folder}/copy.db`);
  const code = `
    import { DatabaseSync } from "node:sqlite";
    try { new DatabaseSync(${
    JSON.stringify(box.path)
  }).exec("BEGIN IMMEDIATE"); console.log("in"); }
    catch (error) { console.log(error.message); }`;
  const other = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
  assert.equal(new TextDecoder().decode(other.stdout).trim(), "database is locked");
  await store.close();
});

Deno.test({
  name: "a store that was backed up and is closed has no handle of its file left",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using box = new DatabaseFolder();
    const store = await filled(box, 3);
    await store.backup(`${box.folder}/copy.db`);
    const handles = () =>
      [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
        try {
          return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(box.folder);
        } catch {
          return false; // The handle of the listing itself.
        }
      }).length;
    assert.ok(handles() > 0);
    await store.close();
    assert.equal(handles(), 0);
  },
});
