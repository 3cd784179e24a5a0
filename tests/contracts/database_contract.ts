/**
 * The contract of the port {@linkcode Database} as tests, run by the database on this thread and by the
 * one on a thread of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Bodies, Database, OpenDatabase } from "../../lib/store/database.ts";
import { sealCheck } from "../../lib/store/key_check.ts";
import { bodySum } from "../../lib/store/row_sum.ts";
import { KeyVault } from "../../lib/store/key_vault.ts";
import { AES_KEY, DatabaseFolder, failure } from "../store/database_folder.ts";

const CHECK = sealCheck(new KeyVault(AES_KEY));

function body(id: number, bytes: number): Bodies {
  return new Map([[id, new Uint8Array(bytes).fill(id)]]);
}

/** Registers the contract's tests for the database called `name`. */
export function databaseContract(name: string, open: OpenDatabase): void {
  const test = (
    behaviour: string,
    run: (database: Database, box: DatabaseFolder) => Promise<void>,
  ) =>
    Deno.test(`${name} ${behaviour}`, async () => {
      using box = new DatabaseFolder();
      const database = await open({ path: box.path, check: CHECK });
      try {
        await run(database, box);
      } finally {
        await database.close();
      }
    });

  test("keeps what was written, and gives the bodies back as they were", async (database, box) => {
    const bodies = new Map([...body(1, 5), ...body(2, 200_000)]);
    const given = await database.write(
      [["declareQueue", "q", "{}", 0], ["bind", "q", "x", "k", 0]],
      bodies,
    );
    assert.deepEqual(given, new Map([...body(1, 5), ...body(2, 200_000)]));
    assert.deepEqual(await database.query("queues"), [["q", "{}", 0]]);
    assert.deepEqual(await database.query("body", 2), [
      [new Uint8Array(200_000).fill(2), bodySum(2, new Uint8Array(200_000).fill(2))],
    ]);
    assert.deepEqual(await database.query("body", 3), []);
    await database.close();
    const again = await open({ path: box.path, check: CHECK });
    assert.deepEqual(await again.query("bindings"), [["q", "x", "k", 0]]);
    await again.close();
  });

  test("adds bodies before the operations, which may delete them", async (database) => {
    await database.write([["dropBodies", 1, 1]], new Map([...body(1, 5), ...body(2, 5)]));
    assert.deepEqual(await database.query("body", 1), []);
    assert.equal((await database.query("body", 2)).length, 1);
  });

  test("keeps the check value of whoever made the file", async (database, box) => {
    await database.close();
    const other = sealCheck(new KeyVault(AES_KEY));
    const again = await open({ path: box.path, check: other });
    const found = (await again.query("keyCheck")).flat().map((part) => new Uint8Array(part));
    assert.deepEqual(
      found,
      [CHECK.ciphertext, CHECK.nonce, CHECK.tag].map((p) => new Uint8Array(p)),
    );
    await again.close();
  });

  test("does calls in the order in which they were made", async (database) => {
    const calls: Promise<unknown>[] = [];
    const counts: Promise<number>[] = [];
    for (let i = 0; i < 20; i++) {
      calls.push(database.write([["declareExchange", `x${i}`, "direct", 0]], new Map()));
      counts.push(database.query("exchanges").then((rows) => rows.length));
    }
    await Promise.all(calls);
    assert.deepEqual(await Promise.all(counts), Array.from({ length: 20 }, (_, i) => i + 1));
  });

  test("gives each call its own result, however many are under way", async (database) => {
    const calls: Promise<unknown>[] = [];
    const wanted: unknown[] = [];
    for (let i = 1; i <= 100; i++) {
      calls.push(
        database.write([], body(i, 10)),
        database.endBackup(),
        database.query("lastBatch"),
      );
      wanted.push(body(i, 10), undefined, [[0]]);
    }
    assert.deepEqual(await Promise.all(calls), wanted);
  });

  test(
    "writes nothing of a transaction that fails, and then refuses everything",
    async (database, box) => {
      await database.write([["declareQueue", "q", "{}", 0]], body(7, 5));
      const failing = database.write([["declareQueue", "r", "{}", 0]], body(7, 5));
      const unique = failure("storage", /cannot use the database .*broker\.db: UNIQUE constraint/);
      await assert.rejects(failing, unique);
      await assert.rejects(database.query("queues"), unique);
      await assert.rejects(database.write([], new Map()), unique);
      await assert.rejects(database.beginBackup(), unique);
      await database.close();
      const db = new DatabaseSync(box.path);
      assert.deepEqual(db.prepare("SELECT name FROM queue").all().map((row) => row.name), ["q"]);
      db.close();
    },
  );

  test("refuses a file that another program has locked, with what to do", async (database, box) => {
    await database.close();
    const other = new DatabaseSync(box.path);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE");
    await assert.rejects(open({ path: box.path, check: CHECK }), (error: CipherMqError) => {
      assert(error instanceof CipherMqError && error.cause instanceof Error);
      assert.match(error.hint ?? "", /another broker/);
      return failure("storage", /broker\.db: database is locked/)(error);
    });
    other.close();
  });

  test(
    "is copied piece by piece, one copy at a time, while it is written",
    async (database, box) => {
      await database.write([["declareQueue", "q", "{}", 0]], body(1, 500_000));
      const bytes = await database.beginBackup();
      await assert.rejects(database.beginBackup(), failure("limit", /a backup is being made/));
      await database.write([["declareQueue", "r", "{}", 0]], body(2, 500_000));
      const copy = await Deno.open(`${box.folder}/copy.db`, { createNew: true, write: true });
      for (let at = 0; at < bytes;) {
        const piece = await database.readBackup(at);
        at += await copy.write(piece);
      }
      copy.close();
      await database.endBackup();
      await assert.rejects(database.readBackup(0));
      assert.equal(
        (await database.query("queues")).length,
        2,
        "that was no failure of the database",
      );
      const db = new DatabaseSync(`${box.folder}/copy.db`);
      assert.deepEqual(db.prepare("SELECT name FROM queue").all().map((row) => row.name), ["q"]);
      db.close();
    },
  );

  test("refuses every call once it is closed, and can be closed again", async (database, box) => {
    await database.close();
    const closed = failure("storage", /broker\.db is closed/);
    await assert.rejects(database.query("queues"), closed);
    await assert.rejects(database.write([], new Map()), closed);
    await assert.rejects(database.beginBackup(), closed);
    await database.endBackup();
    await database.close();
    assert.deepEqual(Object.keys(box.files()), ["broker.db"]);
  });
}
