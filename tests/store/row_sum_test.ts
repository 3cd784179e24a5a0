/**
 * Rows that say something else than what was written are refused, whatever SQLite thinks of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { CipherMqError } from "../../lib/base/errors.ts";
import { bodySum, requireSum, RowDamage, rowSum } from "../../lib/store/row_sum.ts";
import { enqueued, headOf, moved, removed } from "../contracts/store_model.ts";
import { DatabaseFolder, failure, messagesOf } from "./database_folder.ts";

const LANE = { queue: "q", receiver: "r" };

Deno.test("a checksum tells columns, their order and bodies under another id apart", () => {
  const sums = [rowSum("a", "b"), rowSum("ab", ""), rowSum("b", "a"), rowSum("a", "c"), rowSum(1)];
  assert.equal(new Set(sums).size, sums.length);
  const data = new Uint8Array(100);
  assert.notEqual(bodySum(1, data), bodySum(2, data));
  requireSum("t", rowSum("a"), rowSum("a"));
  assert.throws(() => requireSum("t", rowSum("a"), rowSum("b")), RowDamage);
});

async function fill(box: DatabaseFolder): Promise<void> {
  const store = await box.open();
  await store.load();
  await store.commit([
    { kind: "exchange_declared", exchange: "x", exchangeKind: "direct" },
    { kind: "queue_declared", queue: "q", options: { ttlMs: 500 } },
    { kind: "bound", queue: "q", exchange: "x", routingKey: "k" },
  ], 1);
  await store.commit([0, 1, 2, 3].map((seq) => enqueued(LANE, seq, 50)), 2);
  await store.commit(
    [removed(LANE, 0), moved(headOf(LANE, 2, 50), { ...LANE, queue: "q.dead" }, 0)],
    3,
  );
  await store.close();
}

/** Changes that leave a database with which nothing is wrong but what it says. */
const CHANGES: readonly string[] = [
  "UPDATE exchange SET kind = 'fanout'",
  "UPDATE queue SET options = '{\"ttlMs\":501}'",
  "UPDATE queue SET name = 'p'",
  "UPDATE binding SET routing_key = 'l'",
  "UPDATE lane SET floor = 2 WHERE id = 1",
  "UPDATE lane SET marks = '[]' WHERE id = 1",
  "UPDATE lane SET receiver = 's' WHERE id = 1",
  "UPDATE batch SET at = at + 1 WHERE id = 1",
  "UPDATE batch SET heads = replace(heads, 'id-1', 'id-9') WHERE id = 1",
  "UPDATE batch SET last = 4 WHERE id = 1",
  "UPDATE moved SET first = 1, last = 1",
  "UPDATE body SET data = zeroblob(length(data)) WHERE id = 1",
  "UPDATE body SET data = (SELECT data FROM body WHERE id = 2) WHERE id = 1",
];

for (const sql of CHANGES) {
  Deno.test(`a broker refuses what was not written: ${sql}`, async () => {
    using box = new DatabaseFolder();
    await fill(box);
    const db = new DatabaseSync(box.path);
    db.exec(sql);
    assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    db.close();
    const store = await box.open();
    const reading = (async () => {
      await store.load();
      await messagesOf(store);
      await store.read([{ ...LANE, seq: 1 }, { queue: "q.dead", receiver: "r", seq: 0 }]);
    })();
    await assert.rejects(reading, (error: CipherMqError) => {
      assert.match(error.hint ?? "", /restore the file from a backup/);
      return failure("storage", /broker\.db: it is damaged: a row of the table/)(error);
    });
    await assert.rejects(store.commit([], 9), failure("storage", /it is damaged/));
    await store.close();
  });
}
