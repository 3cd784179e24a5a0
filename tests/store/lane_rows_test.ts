/**
 * Which row holds which message.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LaneRows } from "../../lib/store/lane_rows.ts";

Deno.test("the row of a message is found, before and after rows were taken out", () => {
  const rows = new LaneRows();
  const count = 5_000;
  for (let id = 0; id < count; id++) rows.push({ id, last: id * 3 + 2 });
  const find = (seq: number) => rows.find(seq)?.id;
  assert.deepEqual([0, 2, 3, 7].map(find), [0, 0, 1, 2]);
  assert.equal(find(count * 3), undefined);
  // Often and far enough that the taken ones are cleared away.
  for (let floor = 3; floor <= 4_000 * 3; floor += 3) {
    assert.deepEqual(rows.takeBelow(floor), [floor / 3 - 1]);
    assert.equal(find(floor), floor / 3);
  }
  assert.deepEqual(rows.takeBelow(4_000 * 3 + 2), []);
  const [first, last] = [count * 3 - 3, count * 3 - 1];
  assert.deepEqual(rows.find(last), { id: count - 1, first, last });
  assert.equal(rows.takeBelow(count * 3).length, 1_000);
  assert.equal(find(count * 3 - 1), undefined);
});
