/**
 * What a queued message starts with.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Message } from "../../lib/core/message.ts";

const head = {
  queue: "q",
  receiver: "bob",
  seq: 7,
  id: "1",
  publisher: "alice",
  size: 9,
  checksum: -3,
  exchange: "x",
  routingKey: "k",
  expiresMs: 8,
  dead: undefined,
};

Deno.test("a message keeps the facts of its head, waits, and was delivered as often as is said", () => {
  assert.deepEqual({ ...new Message(head, 5) }, {
    ...head,
    acceptedMs: 5,
    deliveries: 0,
    lease: undefined,
    removed: false,
  });
  assert.equal(new Message(head, 5, 4).deliveries, 4);
});
