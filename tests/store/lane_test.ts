/**
 * What a lane accepts, and where its floor is.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Lane } from "../../lib/store/lane.ts";

const NEW = { id: 1, queue: "q", receiver: "r", floor: 0, marks: "[]" };

function laneOf(count: number): Lane {
  const lane = new Lane(NEW);
  for (let seq = 0; seq < count; seq++) lane.append(seq);
  return lane;
}

Deno.test("the floor follows removals in any order, and nothing stays noted below it", () => {
  const order = fc.shuffledSubarray([...Array(12).keys()]);
  fc.assert(fc.property(order, fc.array(fc.nat(11)), (removals, returns) => {
    const lane = laneOf(12);
    for (const seq of returns) lane.countDeliveries(seq, 3);
    for (const seq of removals) lane.remove(seq);
    const queued = [...Array(12).keys()].filter((seq) => !removals.includes(seq));
    assert.equal(lane.floor, queued[0] ?? 12);
    assert.deepEqual([...Array(13).keys()].filter((seq) => lane.isQueued(seq)), queued);
    for (const seq of queued) assert.equal(lane.deliveries(seq), returns.includes(seq) ? 3 : 0);
    const noted: number[][] = JSON.parse(lane.marks);
    assert.ok(noted.every(([from]) => from! >= lane.floor));
  }));
});

Deno.test("a lane goes on from its row and from the rows seen", () => {
  const lane = new Lane({ ...NEW, floor: 5, marks: "[[7,8,0],[9,9,2]]" });
  assert.equal(lane.next, 5);
  lane.saw(3, 6);
  lane.saw(4, 9);
  assert.equal(lane.next, 10);
  assert.deepEqual([4, 5, 7, 9, 10].map((seq) => lane.isQueued(seq)), [
    false,
    true,
    false,
    true,
    false,
  ]);
  assert.equal(lane.deliveries(9), 2);
  assert.throws(() => lane.saw(5, 9), /a row up to 9/);
});

Deno.test("a lane that is emptied has nothing queued or noted, and its places stay used", () => {
  const lane = laneOf(4);
  lane.remove(2);
  lane.countDeliveries(3, 2);
  lane.removeAll();
  assert.equal(lane.floor, 4);
  assert.equal(lane.marks, "[]");
  assert.throws(() => lane.append(0), /comes after/);
  lane.append(4);
  assert.deepEqual([3, 4].map((seq) => lane.isQueued(seq)), [false, true]);
});

Deno.test("a lane refuses what contradicts it", () => {
  const lane = laneOf(3);
  lane.remove(1);
  for (const seq of [0, 2, 4]) assert.throws(() => lane.append(seq), /comes after/);
  for (const seq of [-1, 1, 3]) assert.throws(() => lane.remove(seq), /queued/);
  assert.throws(() => lane.countDeliveries(1, 1), /queued/);
  assert.throws(() => lane.countDeliveries(0, 0), /counted from 1/);
});

Deno.test("a row above the floor is emptied by its last removal, and not by others", () => {
  const lane = laneOf(9);
  for (const id of [1, 2, 3]) lane.rows.push({ id, last: id * 3 - 1 });
  const emptied = (seq: number) => {
    lane.remove(seq);
    return lane.emptiedRow(seq);
  };
  assert.deepEqual([5, 3, 7, 4].map(emptied), [undefined, undefined, undefined, 2]);
  assert.deepEqual([2, 1, 6, 8].map(emptied), [undefined, undefined, undefined, 3]);
  assert.equal(emptied(0), undefined, "below the floor rows are taken out");
});
