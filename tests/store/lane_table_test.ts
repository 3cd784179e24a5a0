/**
 * Lanes by name and by id.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LaneTable } from "../../lib/store/lane_table.ts";

Deno.test("lanes are found by both names and by id, and ids go on after the largest", () => {
  const lanes = new LaneTable();
  assert.equal(lanes.nextId, 1);
  const rest = { floor: 0, marks: "[]" };
  const a = lanes.add({ id: 7, queue: "a b", receiver: "c", ...rest });
  const b = lanes.add({ id: 3, queue: "a", receiver: "b c", ...rest });
  assert.equal(lanes.find("a b", "c"), a);
  assert.equal(lanes.find("a", "b c"), b);
  assert.equal(lanes.find("a", "c"), undefined);
  assert.equal(lanes.withId(3), b);
  const c = lanes.add({ id: 4, queue: "a", receiver: "d", ...rest });
  assert.deepEqual([...lanes.ofQueue("a")], [b, c]);
  assert.deepEqual([...lanes.ofQueue("b")], []);
  assert.throws(() => lanes.withId(5), /lane 5/);
  assert.equal(lanes.nextId, 8);
  assert.deepEqual([...lanes], [a, b, c]);
  assert.throws(() => lanes.add({ id: 9, queue: "a", receiver: "b c", ...rest }), /one lane/);
});
