/**
 * Waits between attempts, and when they end.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Random } from "../../lib/base/random.ts";
import { Reconnect } from "../../lib/client/reconnect.ts";

const longest: Random = { uint32: () => 2 ** 32 - 1 };

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
