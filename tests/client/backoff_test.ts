/**
 * How waits grow.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Random } from "../../lib/base/random.ts";
import { Backoff } from "../../lib/client/backoff.ts";

Deno.test("waits double up to their cap and start anew after a reset", () => {
  const backoff = new Backoff({ uint32: () => 2 ** 32 - 1 }, { firstMs: 10, maxMs: 35 });
  assert.deepEqual([1, 2, 3, 4].map(() => backoff.next()), [10, 20, 35, 35]);
  backoff.reset();
  assert.equal(backoff.next(), 10);
});

Deno.test("each wait is anything from 1 ms to its bound", () => {
  fc.assert(fc.property(fc.array(fc.nat(2 ** 32 - 1)), (values) => {
    let at = 0;
    const random: Random = { uint32: () => values[at++]! };
    const backoff = new Backoff(random, { firstMs: 10, maxMs: 1_000 });
    values.forEach((value, n) => {
      const bound = Math.min(10 * 2 ** n, 1_000);
      assert.equal(backoff.next(), Math.max(Math.ceil((value / 2 ** 32) * bound), 1));
    });
  }));
});
