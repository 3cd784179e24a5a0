/**
 * The Fifo against an array.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Fifo } from "../../lib/core/fifo.ts";

Deno.test("a Fifo gives what an array would, also when it is cut", () => {
  const runs = fc.array(fc.record({ push: fc.nat(2000), shift: fc.nat(2000) }), { maxLength: 12 });
  fc.assert(
    fc.property(runs, (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const { push, shift } of steps) {
        for (let i = 0; i < push; i++) {
          fifo.push(next);
          model.push(next++);
        }
        const expected = model.splice(0, shift);
        assert.deepEqual(Array.from(expected, () => fifo.shift()), expected);
        if (model.length === 0) assert.equal(fifo.shift(), undefined);
        assert.equal(fifo.peek(), model[0]);
        assert.equal(fifo.length, model.length);
      }
    }),
    { numRuns: 60 },
  );
});
