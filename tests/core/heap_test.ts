/**
 * The heap against an array that is sorted.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Heap } from "../../lib/core/heap.ts";

interface Item {
  readonly rank: number;
}

Deno.test("a heap gives the item of the lowest rank, whatever was added, taken and dropped", () => {
  const step = fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant("push") },
      { weight: 4, arbitrary: fc.constant("pop") },
      { weight: 1, arbitrary: fc.constant("retain") },
    ),
    fc.nat(20),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const heap = new Heap<Item>((one, other) => one.rank < other.rank);
    let model: Item[] = [];
    for (const [action, number] of steps) {
      if (action === "push") {
        const item = { rank: number };
        heap.push(item);
        model.push(item);
      } else if (action === "retain") {
        heap.retain(({ rank }) => rank % 3 !== number % 3);
        model = model.filter(({ rank }) => rank % 3 !== number % 3);
      } else {
        const lowest = Math.min(...model.map(({ rank }) => rank));
        const first = heap.peek();
        assert.equal(heap.pop(), first);
        assert.equal(first?.rank, model.length === 0 ? undefined : lowest);
        model = model.filter((item) => item !== first);
      }
      assert.equal(heap.length, model.length);
      assert.deepEqual(new Set(heap), new Set(model));
    }
  }));
});

Deno.test("an empty heap has nothing to give", () => {
  const heap = new Heap<number>((one, other) => one < other);
  assert.deepEqual([heap.peek(), heap.pop(), heap.length], [undefined, undefined, 0]);
  heap.push(1);
  heap.pop();
  assert.deepEqual([heap.peek(), heap.pop(), heap.length], [undefined, undefined, 0]);
});
