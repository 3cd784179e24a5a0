/**
 * What may be on its way to a connection that does not read.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CoreDriver } from "../support/core_driver.ts";

const limits = { maxUnsentBytes: 100 };

Deno.test("a connection gets at most its unsent bytes and one message until it has drained", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 30 }),
      (sizes) => {
        const driver = new CoreDriver(limits);
        const alice = driver.connect("alice");
        for (const queue of ["q1", "q2"]) alice.bind(queue, "x", queue);
        const bob = driver.connect("bob");
        bob.consume("q1");
        for (const [i, size] of sizes.entries()) {
          const key = i % 2 === 0 ? "q1" : "q2";
          alice.publishAll([String(i)], { key, body: "x".repeat(size) });
        }
        bob.consume("q2");
        let total = 0;
        for (let got = bob.take(); got.length > 0; got = bob.take()) {
          const bytes = got.slice(0, -1).reduce((sum, { body }) => sum + body.length, 0);
          assert(bytes < limits.maxUnsentBytes, `${bytes} before the last one`);
          total += got.length;
          bob.ackAll(got.map(({ id }) => id));
          assert.deepEqual(total < sizes.length && bytes >= 100 ? bob.take() : [], []);
          bob.drained();
        }
        assert.equal(total, sizes.length);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("an ack brings nothing to a connection that has not drained", () => {
  const driver = new CoreDriver(limits);
  const bob = driver.connect("bob");
  bob.bind("q");
  bob.publishAll(["1", "2", "3", "4"], { body: "x".repeat(50) });
  bob.consume("q");
  assert.deepEqual(bob.takeIds(), ["1", "2"]);
  bob.ackAll(["1", "2"]);
  assert.deepEqual(bob.takeIds(), []);
  bob.drained();
  assert.deepEqual(bob.takeIds(), ["3", "4"]);
});

Deno.test("a connection that does not read leaves its turns to one that does", () => {
  const driver = new CoreDriver(limits);
  const slow = driver.connect("bob");
  slow.bind("q");
  slow.consume("q");
  const quick = driver.connect("bob");
  quick.consume("q");
  slow.publishAll(["1", "2", "3", "4"], { body: "x".repeat(100) });
  assert.deepEqual([slow.takeIds(), quick.takeIds()], [["1"], ["2"]]);
  quick.drained();
  assert.deepEqual([slow.takeIds(), quick.takeIds()], [[], ["3"]]);
});

Deno.test("a queue with a long backlog leaves room for the connection's other queues", () => {
  const driver = new CoreDriver(limits);
  const bob = driver.connect("bob");
  for (const queue of ["long", "short"]) bob.bind(queue, "x", queue);
  bob.publishAll(["1", "2", "3", "4"], { key: "long", body: "x".repeat(100) });
  bob.publishAll(["a", "b"], { key: "short", body: "x".repeat(100) });
  bob.consume("long");
  bob.consume("short");
  const order = bob.takeIds();
  for (let turn = 0; turn < 5; turn++) {
    bob.drained();
    order.push(...bob.takeIds());
  }
  assert.deepEqual(order, ["1", "2", "a", "3", "b", "4"]);
});

Deno.test("draining brings nothing to a connection that consumes nothing", () => {
  const driver = new CoreDriver(limits);
  const bob = driver.connect("bob");
  bob.bind("q");
  bob.publishAll(["1"]);
  bob.drained();
  assert.deepEqual([bob.take(), bob.answers.at(-1)], [[], { kind: "accepted", id: "1" }]);
});

Deno.test("what was fetched counts as on its way too", () => {
  const driver = new CoreDriver(limits);
  const bob = driver.connect("bob");
  bob.bind("q");
  bob.publishAll(["1", "2"], { body: "x".repeat(100) });
  bob.fetch("q");
  bob.consume("q");
  assert.deepEqual(bob.takeIds(), ["1"]);
  bob.drained();
  assert.deepEqual(bob.takeIds(), ["2"]);
});
