/**
 * Reading many rows back, and rows that are not what was written.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { enqueued, headOf, moved, removed } from "../contracts/store_model.ts";
import { DatabaseFolder, failure, messagesOf } from "./database_folder.ts";

const LANE = { queue: "q", receiver: "r" };

async function storeEach(box: DatabaseFolder, count: number): Promise<void> {
  const store = await box.open();
  await store.load();
  for (let seq = 0; seq < count; seq++) await store.commit([enqueued(LANE, seq, 10)], seq);
  await store.commit([removed(LANE, 0), removed(LANE, 5)], count);
  await store.close();
}

Deno.test("more rows than are read at once come back all, in order, and can be gone on from", async () => {
  using box = new DatabaseFolder();
  const count = 1_201;
  await storeEach(box, count);
  const store = await box.open();
  const { lanes } = await store.load();
  const messages = await messagesOf(store);
  assert.deepEqual(messages.map((m) => m.message.seq), [...Array(count).keys()]);
  assert.deepEqual(lanes, [{ ...LANE, nextSeq: count }]);
  await store.commit([enqueued(LANE, count, 10)], count);
  assert.equal((await store.read([{ ...LANE, seq: 1 }, { ...LANE, seq: count }])).length, 2);
  await store.close();
});

Deno.test("a message that stays keeps its row's bodies only, across a restart too", async () => {
  using box = new DatabaseFolder();
  await storeEach(box, 10);
  let store = await box.open();
  await store.load();
  await store.commit([2, 3, 4, 6, 7].map((seq) => removed(LANE, seq)), 20);
  await store.close();
  store = await box.open();
  await store.load();
  await store.commit([8, 9].map((seq) => removed(LANE, seq)), 21);
  await store.commit([enqueued(LANE, 10, 10)], 22);
  assert.equal((await store.read([{ ...LANE, seq: 1 }, { ...LANE, seq: 10 }])).length, 2);
  await store.close();
  // Row 2 has message 1, and row 11 message 10.
  assert.deepEqual(idsIn(box, "body"), [2, 11]);
});

Deno.test("what moves away leaves no body of its row, and its head and note go in their time", async () => {
  using box = new DatabaseFolder();
  await storeEach(box, 10);
  const dead = { ...LANE, queue: "q.dead" };
  let store = await box.open();
  await store.load();
  const away = [3, 2, 4, 7].map((seq, place) => moved(headOf(LANE, seq, 10), dead, place));
  await store.commit([...away, removed(LANE, 8)], 20);
  assert.equal((await store.read([{ ...LANE, seq: 1 }, { ...dead, seq: 3 }])).length, 2);
  await store.close();
  // Of the rows 2 to 10, of messages 1 to 9, only 1, 6 and 9 are still queued; row 11 has the dead.
  assert.deepEqual(idsIn(box, "body"), [2, 7, 10, 11]);
  store = await box.open();
  await store.load();
  while (await store.forget(100));
  // Back from there, and with the message that stayed the floor goes up.
  await store.commit([moved(away[1]!.message, LANE, 10), removed(LANE, 1)], 21);
  while (await store.forget(100));
  await store.close();
  assert.deepEqual(idsIn(box, "body"), [7, 10, 11, 12]);
  assert.deepEqual(idsIn(box, "batch"), [7, 8, 9, 10, 11, 12]);
  // Row 8 had message 7, and row 11 the dead letter that went back.
  assert.deepEqual(idsIn(box, "moved", "batch"), [8, 11]);
});

function idsIn(box: DatabaseFolder, table: string, id = "id"): unknown[] {
  const db = new DatabaseSync(box.path);
  const ids = db.prepare(`SELECT ${id} AS id FROM ${table} ORDER BY ${id}`).all();
  db.close();
  return ids.map((row) => row.id);
}

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
    const store = await box.open();
    await store.load();
    await assert.rejects(messagesOf(store), failure("storage", /broker\.db: it is damaged/));
    await assert.rejects(store.commit([], 1), failure("storage", /broker\.db/));
    await store.close();
  });
}

Deno.test("options of a queue that are none fail the store", async () => {
  using box = new DatabaseFolder();
  const store = await box.open();
  await store.load();
  await store.commit([{ kind: "queue_declared", queue: "q", options: {} }], 1);
  await store.close();
  const db = new DatabaseSync(box.path);
  db.exec("UPDATE queue SET options = '{'");
  db.close();
  const damaged = await box.open();
  await assert.rejects(damaged.load(), failure("storage", /it is damaged/));
  await damaged.close();
});
