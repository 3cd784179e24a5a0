/**
 * The heap against a sorted array.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Heap } from "../../lib/core/heap.ts";

Deno.test("a heap gives the lowest rank first, whatever was pushed, popped and dropped", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), rank: fc.nat(50) }),
    fc.record({ kind: fc.constant("pop" as const), rank: fc.constant(0) }),
    fc.record({ kind: fc.constant("retain" as const), rank: fc.nat(50) }),
  );
  fc.assert(fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
    const heap = new Heap<number>((rank) => rank);
    let model: number[] = [];
    for (const { kind, rank } of actions) {
      if (kind === "push") {
        heap.push(rank);
        model = [...model, rank].toSorted((a, b) => a - b);
      } else if (kind === "pop") assert.equal(heap.pop(), model.shift());
      else {
        heap.retain((item) => item >= rank);
        model = model.filter((item) => item >= rank);
      }
      assert.deepEqual([heap.peek(), heap.length], [model[0], model.length]);
      assert.deepEqual([...heap].toSorted((a, b) => a - b), model);
    }
  }));
});
