/**
 * Rows are read no more than needed and kept no longer than there is room; the rest is the store's
 * contract.
 *
 * @module
 */
import assert from "node:assert/strict";
import { StatementSync } from "node:sqlite";
import { enqueued, headOf, moved } from "../contracts/store_model.ts";
import { DatabaseFolder } from "./database_folder.ts";

/** Counts the rows of bodies that are read from the file while `work` runs. */
async function rowsReadIn(work: () => Promise<unknown>): Promise<number> {
  const get = StatementSync.prototype.get;
  let reads = 0;
  StatementSync.prototype.get = function (...values) {
    if (this.sourceSQL.includes("FROM body")) reads++;
    return Reflect.apply(get, this, values);
  };
  try {
    await work();
    return reads;
  } finally {
    StatementSync.prototype.get = get;
  }
}

Deno.test("a commit reads each row that messages move from once, in whatever order they move", async () => {
  using box = new DatabaseFolder();
  const store = box.open(0);
  await store.load();
  const lane = { queue: "q", receiver: "r" };
  const rows = 5;
  const perRow = 200;
  const count = rows * perRow;
  for (let row = 0; row < rows; row++) {
    const places = Array.from({ length: perRow }, (_, i) => row * perRow + i);
    await store.commit(places.map((seq) => enqueued(lane, seq, 50)), row);
  }
  const order = Array.from({ length: count }, (_, i) => (i * 337) % count);
  const to = { queue: "q.dead", receiver: "r" };
  const moves = order.map((seq, i) => moved(headOf(lane, seq, 50), to, i));
  assert.equal(await rowsReadIn(() => store.commit(moves, 9)), rows);
  // The count sees reads: without a cache one message costs one.
  assert.equal(await rowsReadIn(() => store.read([{ ...to, seq: 0 }])), 1);
  await store.close();
});

Deno.test("the bodies kept in memory never exceed the bytes they may have", async () => {
  using box = new DatabaseFolder();
  const bytes = 300_000;
  const store = box.open(bytes);
  await store.load();
  const lane = { queue: "q", receiver: "r" };
  const places = Array.from({ length: 40 }, (_, seq) => seq);
  for (const seq of places) await store.commit([enqueued(lane, seq, 50_000)], seq);
  assert.ok(store.cachedBytes > 0);
  for (const seq of [...places, ...places.toReversed()]) {
    await store.read([{ ...lane, seq }]);
    assert.ok(store.cachedBytes <= bytes, `${store.cachedBytes}`);
  }
  assert.ok(store.cachedBytes > bytes - 60_000, "and are used");
  await store.close();
});
