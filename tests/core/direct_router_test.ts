/**
 * Routing by the exact key.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DirectRouter } from "../../lib/core/direct_router.ts";

Deno.test("a direct router gives the queues of just that key, until each is removed", () => {
  const router = new DirectRouter();
  router.add("a", "k");
  router.add("b", "k");
  router.add("a", "k.2");
  assert.deepEqual([...router.route("k")], ["a", "b"]);
  assert.deepEqual([...router.route("k.2")], ["a"]);
  for (const key of ["K", "k.", "", "*", "#", "k.*"]) assert.equal(router.route(key).size, 0);
  router.remove("a", "k");
  assert.deepEqual([...router.route("k")], ["b"]);
  assert.deepEqual([...router.route("k.2")], ["a"]);
  router.remove("b", "k");
  assert.equal(router.route("k"), router.route("never bound"), "nothing is kept for the key");
  assert.equal(router.route("k").size, 0);
});
