/**
 * When the log is copied into the file, and what happens when it cannot be.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";
import { Fuse } from "../../lib/store/fuse.ts";
import { storageError } from "../../lib/store/sqlite_error.ts";
import { WriteAheadLog } from "../../lib/store/write_ahead_log.ts";
import { DatabaseFolder, failure } from "./database_folder.ts";

const MAX_PAGES = 20;

interface Pages {
  readonly log: number;
  readonly checkpointed: number;
}

/** Runs `test` with the log of a database with one table. */
async function withLog(
  test: (log: WriteAheadLog, db: DatabaseSync, fuse: Fuse) => void | Promise<void>,
): Promise<void> {
  using box = new DatabaseFolder();
  const db = box.openDatabase();
  db.exec("CREATE TABLE t (pad BLOB)");
  const fuse = new Fuse((error) => storageError(box.path, error));
  const log = new WriteAheadLog(db, fuse, MAX_PAGES);
  log.hold();
  log.release();
  try {
    await test(log, db, fuse);
  } finally {
    db.close();
  }
}

function pagesOf(db: DatabaseSync): Pages {
  return db.prepare("PRAGMA wal_checkpoint(NOOP)").get() as unknown as Pages;
}

/** Commits so many bytes, in pages of 16 KiB. */
function write(db: DatabaseSync, bytes: number): void {
  db.prepare("INSERT INTO t VALUES (zeroblob(?))").run(bytes);
}

Deno.test("a log is copied into the file when it has become too long, and not before", async () => {
  await withLog((log, db) => {
    write(db, 100_000);
    log.shorten();
    const { log: pages, checkpointed } = pagesOf(db);
    assert.ok(pages > 0 && pages < MAX_PAGES && checkpointed === 0, `${pages} pages`);
    write(db, 400_000);
    log.shorten();
    const long = pagesOf(db);
    assert.ok(long.log >= MAX_PAGES);
    assert.equal(long.checkpointed, long.log);
    write(db, 1);
    assert.ok(pagesOf(db).log < MAX_PAGES, "the next commit begins the log anew");
  });
});

Deno.test("a log that is held grows, and is copied again once it is released", async () => {
  await withLog((log, db) => {
    write(db, 100_000);
    log.hold();
    assert.equal(pagesOf(db).log, 0);
    for (let round = 0; round < 3; round++) {
      write(db, 400_000);
      log.shorten();
    }
    const held = pagesOf(db);
    assert.ok(held.log > 3 * MAX_PAGES && held.checkpointed === 0);
    log.release();
    log.shorten();
    const { log: pages, checkpointed } = pagesOf(db);
    assert.equal(checkpointed, pages);
  });
});

for (const how of ["shorten", "hold"] as const) {
  Deno.test(`a log that cannot be copied fails the store, when it is to ${how} it`, async () => {
    await withLog(async (log, db, fuse) => {
      write(db, 400_000);
      db.exec("BEGIN IMMEDIATE");
      write(db, 1);
      const locked = failure("storage", /database table is locked/);
      assert.throws(() => log[how](), locked);
      db.exec("ROLLBACK");
      assert.throws(() => log[how](), locked, "it is not tried again");
      await assert.rejects(fuse.run(() => {}), locked);
    });
  });
}
