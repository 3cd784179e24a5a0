/**
 * Reading many rows back, and rows that are not what was written.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { enqueued, removed } from "../contracts/store_model.ts";
import { DatabaseFolder, failure } from "./database_folder.ts";

const LANE = { queue: "q", receiver: "r" };

async function storeEach(box: DatabaseFolder, count: number): Promise<void> {
  const store = box.open();
  await store.load();
  for (let seq = 0; seq < count; seq++) await store.commit([enqueued(LANE, seq, 10)], seq);
  await store.commit([removed(LANE, 0), removed(LANE, 5)], count);
  await store.close();
}

Deno.test("more rows than are read at once come back all, in order, and can be gone on from", async () => {
  using box = new DatabaseFolder();
  const count = 1_201;
  await storeEach(box, count);
  const store = box.open();
  const { lanes, messages } = await store.load();
  assert.deepEqual([...messages].map((m) => m.message.seq), [...Array(count).keys()]);
  assert.deepEqual(lanes, [{ ...LANE, nextSeq: count }]);
  await store.commit([enqueued(LANE, count, 10)], count);
  assert.equal((await store.read([{ ...LANE, seq: 1 }, { ...LANE, seq: count }])).length, 2);
  await store.close();
});

const damages: [what: string, sql: string][] = [
  ["a line too few", "UPDATE batch SET n = 2 WHERE id = 3"],
  ["heads that are no JSON", "UPDATE batch SET heads = 'x' WHERE id = 3"],
  ["heads that are none", "UPDATE batch SET heads = '[1,2,3]' WHERE id = 3"],
  ["a lane that is missing", "UPDATE batch SET lane = 9 WHERE id = 3"],
];
for (const [what, sql] of damages) {
  Deno.test(`a row with ${what} fails the store instead of losing messages`, async () => {
    using box = new DatabaseFolder();
    await storeEach(box, 6);
    const db = new DatabaseSync(box.path);
    db.exec(sql);
    db.close();
    const store = box.open();
    const { messages } = await store.load();
    assert.throws(() => [...messages], failure("storage", /broker\.db: it is damaged/));
    await assert.rejects(store.commit([], 1), failure("storage", /broker\.db/));
    await store.close();
  });
}

Deno.test("options of a queue that are none fail the store", async () => {
  using box = new DatabaseFolder();
  const store = box.open();
  await store.load();
  await store.commit([{ kind: "queue_declared", queue: "q", options: {} }], 1);
  await store.close();
  const db = new DatabaseSync(box.path);
  db.exec("UPDATE queue SET options = '{'");
  db.close();
  const damaged = box.open();
  await assert.rejects(damaged.load(), failure("storage", /it is damaged/));
  await damaged.close();
});
