/**
 * The SQLite store keeps the contract of every store, with and without a cache, and no bodies for
 * nobody.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { OpenDatabase } from "../../lib/store/database.ts";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { WorkerDatabase } from "../../lib/store/worker_database.ts";
import { storeContract } from "../contracts/store_contract.ts";
import { StoreModel } from "../contracts/store_model.ts";
import { DatabaseFolder } from "./database_folder.ts";

const aesKey = new Uint8Array(32).fill(7);

const variants: [where: string, open: OpenDatabase, cacheBytes: number, runs: number][] = [
  ["on this thread", LocalDatabase.open, 0, 60],
  ["on this thread", LocalDatabase.open, 200_000, 60],
  // A thread takes a moment to start.
  ["on another thread", WorkerDatabase.open, 20_000, 2],
];
for (const [where, openDatabase, cacheBytes, runs] of variants) {
  storeContract(`sqlite store ${where} with ${cacheBytes} bytes of cache`, () => {
    const folder = Deno.makeTempDirSync({ prefix: "ciphermq-store-" });
    const options = { path: `${folder}/broker.db`, aesKey, cacheBytes };
    return {
      open: () => SqliteStore.open(options, openDatabase),
      dispose: () => Deno.removeSync(folder, { recursive: true }),
    };
  }, runs);
}

const WORK = ["enqueue", "enqueue", "enqueue", "remove", "return", "move", "move"] as const;
const REST = ["commit", "commit", "reopen", "forget", "delete"] as const;
const history = fc.array(
  fc.record({ do: fc.constantFrom(...WORK, ...REST), lane: fc.nat(4), pick: fc.nat(1000) }),
  { maxLength: 120, size: "max" },
);

/** The rows that have bodies and those that have a queued message, each as `lane's name, last place`. */
function rowsIn(path: string, model: StoreModel): Record<"withBodies" | "queued", string[]> {
  const db = new DatabaseSync(path);
  const sql = "SELECT queue, receiver, last, n, body.id IS NOT NULL AS kept FROM batch " +
    "JOIN lane ON lane.id = lane LEFT JOIN body ON body.id = batch.id ORDER BY batch.id";
  const rows = db.prepare(sql).all().map(({ queue, receiver, last, n, kept }) => ({
    name: `${queue} ${receiver} ${last}`,
    isKept: kept === 1,
    isQueued: model.queued().some((m) =>
      m.queue === queue && m.receiver === receiver && m.seq <= Number(last) &&
      m.seq > Number(last) - Number(n)
    ),
  }));
  const { orphans } = db.prepare(
    "SELECT (SELECT count(*) FROM body WHERE id NOT IN (SELECT id FROM batch)) + " +
      "(SELECT count(*) FROM moved WHERE batch NOT IN (SELECT id FROM batch)) AS orphans",
  ).get()!;
  assert.equal(orphans, 0);
  db.close();
  const named = (isWanted: (row: typeof rows[number]) => boolean) =>
    rows.filter(isWanted).map((row) => row.name);
  return { withBodies: named((row) => row.isKept), queued: named((row) => row.isQueued) };
}

Deno.test("a row has its bodies as long as one of its messages is queued, and no longer", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      using box = new DatabaseFolder();
      const model = new StoreModel();
      let store = await box.open(0);
      await store.load();
      const commit = () => {
        const { changes, wallMs } = model.take();
        return store.commit(changes, wallMs);
      };
      for (const { do: action, lane, pick } of steps) {
        if (action === "enqueue") model.enqueue(lane % 3, pick < 100 ? 70_000 : 10);
        else if (action === "remove" || action === "return" || action === "move") {
          model[action](lane, pick);
        } else if (action === "delete") model.delete(lane);
        else await commit();
        if (action === "forget") { while (await store.forget(model.forget(pick % 5))); }
        if (action !== "reopen") continue;
        await store.close();
        store = await box.open(0);
        await store.load();
      }
      await commit();
      await store.close();
      const { withBodies, queued } = rowsIn(box.path, model);
      assert.deepEqual(withBodies, queued);
    }),
    { numRuns: 60 },
  );
});
