/**
 * Counting by name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Tally } from "../../lib/server/tally.ts";

Deno.test("a tally counts each name by itself and forgets none that is left", () => {
  const tally = new Tally();
  tally.add("a");
  tally.add("a");
  tally.add("b");
  tally.remove("a");
  assert.deepEqual([tally.of("a"), tally.of("b"), tally.of("c")], [1, 1, 0]);
  tally.remove("b");
  assert.equal(tally.of("b"), 0);
});
