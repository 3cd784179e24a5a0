/**
 * Routing to all.
 *
 * @module
 */
import assert from "node:assert/strict";
import { FanoutRouter } from "../../lib/core/fanout_router.ts";

Deno.test("a fanout router gives each queue once, until its last binding is removed", () => {
  const router = new FanoutRouter();
  assert.equal(router.route().size, 0);
  for (const queue of ["a", "b", "a", "a"]) router.add(queue);
  assert.deepEqual([...router.route()], ["a", "b"]);
  for (const left of [["a", "b"], ["a", "b"], ["b"]]) {
    router.remove("a");
    assert.deepEqual([...router.route()], left);
  }
  router.add("a");
  router.remove("b");
  assert.deepEqual([...router.route()], ["a"]);
});
