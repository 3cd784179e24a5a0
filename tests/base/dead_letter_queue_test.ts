/** Names of dead-letter queues. @module */
import assert from "node:assert/strict";
import {
  deadLetterQueueOf,
  isForDeadLetters,
  queueOfDeadLetters,
} from "../../lib/base/dead_letter_queue.ts";

Deno.test("a queue's dead letters go to the queue of its name and .dead, and its name tells", () => {
  assert.equal(deadLetterQueueOf("orders"), "orders.dead");
  assert(isForDeadLetters("orders.dead"));
  assert.equal(queueOfDeadLetters("orders.dead"), "orders");
  for (const name of ["orders", "dead", "orders.dead.x", "ordersdead"]) {
    assert(!isForDeadLetters(name), name);
  }
});
