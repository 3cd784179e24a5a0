/**
 * Numbers of things in sentences.
 *
 * @module
 */
import assert from "node:assert/strict";
import { counted } from "../../cli/counted.ts";

Deno.test("one thing is named in the singular, none and several in the plural", () => {
  assert.deepEqual([0, 1, 2].map((n) => counted(n)), ["0 messages", "1 message", "2 messages"]);
  assert.equal(counted(1, "dead letter stays", "dead letters stay"), "1 dead letter stays");
});
