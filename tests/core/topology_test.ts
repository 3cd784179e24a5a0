/**
 * What is declared, how much of it, and where the lanes of former queues go on.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AssertionError } from "../../lib/base/assert.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { defaultQueueOptions } from "../../lib/base/queue_options.ts";
import { Topology } from "../../lib/core/topology.ts";

function empty(): Topology {
  return new Topology(defaultQueueOptions(DEFAULT_LIMITS));
}

Deno.test("bindings are counted once each, and go with their queue or their exchange", () => {
  const topology = empty();
  const [x, y] = ["x", "y"].map((name) => topology.addExchange(name, "direct"));
  const [q] = ["q", "q2"].map((name) => topology.addQueue(name, {}));
  assert.deepEqual([topology.exchangeCount, topology.queueCount], [2, 2]);
  for (const key of ["1", "2"]) for (const queue of ["q", "q2"]) topology.bind(x!, queue, key);
  topology.bind(y!, "q", "1");
  assert.equal(topology.bind(y!, "q", "1"), false);
  assert.equal(topology.bindings, 5);
  assert.equal(topology.unbind(x!, "q", "1"), true);
  assert.equal(topology.unbind(x!, "q", "1"), false);
  assert.equal(topology.bindings, 4);
  topology.removeQueue(q!);
  assert.deepEqual([topology.bindings, topology.queue("q"), [...y!]], [2, undefined, []]);
  topology.removeExchange(x!);
  assert.deepEqual([topology.bindings, topology.exchange("x"), topology.exchangeCount], [
    ...[0, undefined, 1],
  ]);
});

Deno.test("a queue that comes back goes on where its lanes were, each for itself", () => {
  const topology = empty();
  const queue = topology.addQueue("q", { ttlMs: 5 });
  queue.lane("bob").continueAt(7);
  queue.lane("carol").continueAt(3);
  topology.removeQueue(queue);
  topology.continueLane("q", "dave", 9);
  const again = topology.addQueue("q", {});
  assert.deepEqual(["bob", "carol", "dave", "erin"].map((one) => again.next(one).seq), [
    ...[7, 3, 9, 0],
  ]);
  assert.equal(again.options.ttlMs, 0, "what it was told is forgotten");
  topology.continueLane("q", "bob", 8);
  assert.equal(again.next("bob").seq, 8);
});

Deno.test("asking for the queue of something that is queued fails where there is none", () => {
  assert.throws(() => empty().queueOf({ queue: "none" }), AssertionError);
});
