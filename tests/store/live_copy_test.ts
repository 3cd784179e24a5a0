/**
 * Copies of a database in use are whole and of one commit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Fuse } from "../../lib/store/fuse.ts";
import { LiveCopy } from "../../lib/store/live_copy.ts";
import { storageError } from "../../lib/store/sqlite_error.ts";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { WriteAheadLog } from "../../lib/store/write_ahead_log.ts";
import { bodyOf, enqueued, removed } from "../contracts/store_model.ts";
import { AES_KEY, DatabaseFolder, failure, messagesOf } from "./database_folder.ts";

const LANES = [{ queue: "q", receiver: "r" }, { queue: "q", receiver: "s" }] as const;
const SIZE = 60_000;
const MAX_PIECE_BYTES = 192 * 1024;

/** One commit: a message in each lane, and the removal of an older one. */
async function commitOne(store: SqliteStore, seq: number): Promise<void> {
  const removals = seq >= 5 ? [removed(LANES[0], seq - 5)] : [];
  await store.commit([...LANES.map((lane) => enqueued(lane, seq, SIZE)), ...removals], seq);
}

async function filled(box: DatabaseFolder, commits: number): Promise<SqliteStore> {
  const store = await box.open();
  await store.load();
  for (let seq = 0; seq < commits; seq++) await commitOne(store, seq);
  return store;
}

/** Opens a copy and fails unless it is the state after one commit; gives how many there were. */
async function commitsIn(path: string): Promise<number> {
  const db = new DatabaseSync(path);
  assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  db.close();
  const store = await SqliteStore.open(
    { path, aesKey: AES_KEY, cacheBytes: 0 },
    LocalDatabase.open,
  );
  const { lanes } = await store.load();
  const [first, second] = lanes.map((lane) => lane.nextSeq);
  assert.equal(first, second);
  const queued = (await messagesOf(store)).filter((m) => m.gone === undefined).map((m) =>
    m.message
  );
  assert.equal(queued.length, first! + Math.min(5, first!));
  const bodies = await store.read(queued);
  assert.deepEqual(bodies, queued.map((m) => bodyOf(m, m.seq, SIZE)));
  await store.close();
  return first!;
}

/** Puts a backup's pieces together in a file; `between` is done before each of them. */
async function copyTo(
  path: string,
  source: Pick<SqliteStore, "beginBackup" | "readBackup" | "endBackup">,
  between: () => Promise<void> | void = () => {},
): Promise<number> {
  const bytes = await source.beginBackup();
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (let at = 0; at < bytes;) {
    await between();
    const piece = await source.readBackup(at);
    assert.ok(piece.length > 0 && piece.length <= MAX_PIECE_BYTES);
    at += file.writeSync(piece);
  }
  assert.equal((await source.readBackup(bytes)).length, 0);
  await source.endBackup();
  return bytes;
}

Deno.test("a backup is the state of the last commit, and opens as a database", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 30);
  const path = `${box.folder}/copy.db`;
  const bytes = await copyTo(path, store);
  assert.equal(Deno.statSync(path).size, bytes);
  assert.equal(await commitsIn(path), 30);
  await commitOne(store, 30);
  await store.close();
});

Deno.test("commits go on during a backup, and none of them is in it, in part or whole", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 100);
  const path = `${box.folder}/copy.db`;
  let commits = 100;
  await copyTo(path, store, () => commitOne(store, commits++));
  assert.ok(commits > 120, `only ${commits}`);
  assert.equal(await commitsIn(path), 100);
  await store.close();
  assert.equal(await commitsIn(box.path), commits);
});

Deno.test("the file stays as it is while it is copied, and the log is moved into it again afterwards", async () => {
  using box = new DatabaseFolder();
  const db = box.openDatabase();
  db.exec(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, round INTEGER, pad BLOB);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
      INSERT INTO t SELECT i, 0, zeroblob(60000) FROM n;
  `);
  const log = new WriteAheadLog(db, new Fuse((error) => storageError(box.path, error)), 1);
  const copy = new LiveCopy(db, box.path, log);
  let round = 1;
  const source = {
    beginBackup: () => Promise.try(() => copy.begin()),
    readBackup: (at: number) => Promise.try(() => copy.read(at)),
    endBackup: () => Promise.try(() => copy.end()),
  };
  await copyTo(`${box.folder}/copy.db`, source, () => {
    db.exec(`UPDATE t SET round = ${round++}`);
    log.shorten();
  });
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
  const { rounds, last } = copied.prepare(
    "SELECT count(DISTINCT round) AS rounds, max(round) AS last FROM t",
  ).get()!;
  copied.close();
  assert.deepEqual([rounds, last], [1, 0]);
});

Deno.test("one backup is made at a time, and a refused or ended one leaves the store usable", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  await store.beginBackup();
  await assert.rejects(store.beginBackup(), failure("limit", /is being made/));
  await commitOne(store, 3);
  await store.endBackup();
  await store.endBackup();
  await assert.rejects(store.readBackup(0), /begun before it is read/);
  await copyTo(`${box.folder}/copy.db`, store);
  assert.equal(await commitsIn(`${box.folder}/copy.db`), 4);
  await store.close();
});

Deno.test("a store that closes during a backup ends it", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 100);
  await store.beginBackup();
  await store.readBackup(0);
  await store.close();
  await assert.rejects(store.readBackup(0), failure("storage", /is closed/));
  await assert.rejects(store.beginBackup(), failure("storage", /is closed/));
  await store.endBackup();
  assert.deepEqual(box.files(), { "broker.db": "600" });
  assert.equal(await commitsIn(box.path), 100);
});

Deno.test("a database that was replaced is not backed up as if it were this one", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  Deno.renameSync(box.path, `${box.folder}/moved.db`);
  Deno.writeTextFileSync(box.path, "another");
  await assert.rejects(store.beginBackup(), failure("storage", /moved or replaced/));
  Deno.removeSync(box.path);
  Deno.renameSync(`${box.folder}/moved.db`, box.path);
  await commitOne(store, 3);
  await store.close();
});

Deno.test("another process is kept out of a database after it was backed up", async () => {
  using box = new DatabaseFolder();
  const store = await filled(box, 3);
  await copyTo(`${box.folder}/copy.db`, store);
  assert.equal(await box.tryFromElsewhere(), "database is locked");
  await store.close();
});

Deno.test({
  name: "a store that was backed up and is closed has no handle of its file left",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using box = new DatabaseFolder();
    const store = await filled(box, 3);
    await copyTo(`${box.folder}/copy.db`, store);
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
