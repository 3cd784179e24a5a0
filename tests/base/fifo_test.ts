/**
 * The queue against an array.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Fifo } from "../../lib/base/fifo.ts";

Deno.test("it does what an array does, through thousands of items", () => {
  const move = fc.constantFrom("push", "push", "shift", "many", "take many", "prepend", "drain");
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      const push = () => {
        fifo.push(next);
        model.push(next++);
      };
      const shift = () => assert.equal(fifo.shift(), model.shift());
      for (const kind of moves) {
        if (kind === "push") push();
        else if (kind === "shift") shift();
        else if (kind === "many") { for (let n = 0; n < 1_500; n++) push(); }
        else if (kind === "take many") { for (let n = 0; n < 1_400; n++) shift(); }
        else if (kind === "prepend") {
          fifo.prepend([-1, -2]);
          model.unshift(-1, -2);
        } else assert.deepEqual(fifo.drain(), model.splice(0));
        assert.equal(fifo.length, model.length);
        assert.equal(fifo.peek(), model[0]);
      }
    }),
    { numRuns: 50 },
  );
});
