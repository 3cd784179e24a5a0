/**
 * Waits between attempts, and when they end.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Random } from "../../lib/base/random.ts";
import { Backoff } from "../../lib/client/backoff.ts";
import { Reconnect } from "../../lib/client/reconnect.ts";

const longest: Random = { uint32: () => 2 ** 32 - 1 };

Deno.test("waits double up to their cap, with full jitter, and start anew after a reset", () => {
  const backoff = new Backoff(longest, { firstMs: 10, maxMs: 35 });
  assert.deepEqual([1, 2, 3, 4].map(() => backoff.next()), [10, 20, 35, 35]);
  backoff.reset();
  assert.equal(backoff.next(), 10);
  fc.assert(fc.property(fc.array(fc.nat(2 ** 32 - 1)), (values) => {
    let at = 0;
    const random: Random = { uint32: () => values[at++]! };
    const some = new Backoff(random, { firstMs: 10, maxMs: 1_000 });
    values.forEach((value, n) => {
      const bound = Math.min(10 * 2 ** n, 1_000);
      assert.equal(some.next(), Math.max(Math.ceil((value / 2 ** 32) * bound), 1));
    });
  }));
});

Deno.test("a connection that lasts starts the back-off anew, one that is lost at once does not", () => {
  const reconnect = new Reconnect(longest, 0, { backoff: { firstMs: 10, maxMs: 1_000 } });
  assert.equal(reconnect.down(0), 10);
  reconnect.up(10);
  assert.equal(reconnect.down(20), 20);
  reconnect.up(30);
  assert.equal(reconnect.down(10_000), 10);
});

Deno.test("it gives up after the time it was told, with a last attempt at its end", () => {
  const reconnect = new Reconnect(longest, 0, {
    reconnectForMs: 50,
    backoff: { firstMs: 40, maxMs: 40 },
  });
  assert.equal(reconnect.down(0), 40);
  assert.equal(reconnect.down(40), 10);
  reconnect.up(50);
  assert.equal(reconnect.down(1_000), 40);
  assert.equal(reconnect.down(1_040), 10);
  assert.equal(reconnect.down(1_050), undefined);
});
