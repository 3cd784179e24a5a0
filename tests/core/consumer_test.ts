/**
 * A consumer's credit, at its edges.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Limits } from "../../lib/base/limits.ts";
import { type CoreClient, CoreDriver, refusal } from "../support/core_driver.ts";

function bound(limits: Partial<Limits>, ...queues: string[]): [CoreDriver, CoreClient, CoreClient] {
  const driver = new CoreDriver(limits);
  const alice = driver.connect("alice");
  for (const queue of queues) alice.bind(queue, "x", queue);
  return [driver, alice, driver.connect("bob")];
}

function publish(alice: CoreClient, queue: string, ...sizes: number[]): void {
  for (const [i, size] of sizes.entries()) {
    alice.publishAll([`${queue}-${i}`], { key: queue, body: "x".repeat(size) });
  }
}

Deno.test("prefetch is the number of unacknowledged deliveries, to the message", () => {
  const [, alice, bob] = bound({}, "q");
  bob.consume("q", 3);
  publish(alice, "q", ...Array(6).fill(1));
  assert.deepEqual(bob.takeIds(), ["q-0", "q-1", "q-2"]);
  bob.ackAll(["q-1"]);
  assert.deepEqual(bob.takeIds(), ["q-3"]);
  bob.ackAll(["q-1"]);
  assert.deepEqual(bob.takeIds(), [], "a repeated ack gives no credit");
  bob.ackAll(["q-0", "q-2"]);
  assert.deepEqual(bob.takeIds(), ["q-4", "q-5"]);
});

Deno.test("a consumer that asks for no prefetch gets the default, for a waiting backlog as well", () => {
  const [, alice, bob] = bound({ defaultPrefetch: 2 }, "q");
  publish(alice, "q", 1, 1, 1);
  bob.consume("q");
  assert.deepEqual(bob.takeIds(), ["q-0", "q-1"]);
});

Deno.test("a consumer that asks for more than the limit gets as much as the limit", () => {
  for (const prefetch of [3, 4, 2 ** 53 - 1]) {
    const [, alice, bob] = bound({ defaultPrefetch: 1, maxPrefetch: 3 }, "q");
    publish(alice, "q", 1, 1, 1, 1, 1);
    assert.deepEqual(bob.consume("q", prefetch), { kind: "subscribed" });
    assert.deepEqual(bob.takeIds(), ["q-0", "q-1", "q-2"]);
    bob.ackAll(["q-0"]);
    assert.deepEqual(bob.takeIds(), ["q-3"]);
    assert.equal(bob.stats().refused_limit, 0);
  }
});

Deno.test("unacknowledged bytes stay within the limit, to the byte", () => {
  const [, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  bob.consume("q");
  publish(alice, "q", 60, 40, 1);
  assert.deepEqual(bob.takeIds(), ["q-0", "q-1"]);
  bob.ackAll(["q-1"]);
  assert.deepEqual(bob.takeIds(), ["q-2"]);
});

Deno.test("one message always fits, however large, and nothing beside it", () => {
  const [, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  bob.consume("q");
  publish(alice, "q", 101, 1, 500, 1);
  assert.deepEqual(bob.takeIds(), ["q-0"]);
  bob.ackAll(["q-0"]);
  assert.deepEqual(bob.takeIds(), ["q-1"]);
  bob.ackAll(["q-1"]);
  assert.deepEqual(bob.takeIds(), ["q-2"]);
  bob.ackAll(["q-2"]);
  assert.deepEqual(bob.takeIds(), ["q-3"]);
});

Deno.test("the oldest message waits for room; a younger one does not overtake it", () => {
  const [, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  bob.consume("q");
  publish(alice, "q", 50, 60, 1);
  assert.deepEqual(bob.takeIds(), ["q-0"]);
  bob.ackAll(["q-0"]);
  assert.deepEqual(bob.takeIds(), ["q-1", "q-2"]);
});

Deno.test("a consumer without room for a large message still gets the small one after it", () => {
  const [driver, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  const other = driver.connect("bob");
  bob.consume("q");
  publish(alice, "q", 50);
  other.consume("q", 1);
  alice.publishAll(["large"], { key: "q", body: "x".repeat(60) });
  alice.publishAll(["small"], { key: "q", body: "x" });
  assert.deepEqual([bob.takeIds(), other.takeIds()], [["q-0", "small"], ["large"]]);
});

Deno.test("once a large message is fetched or acknowledged late, the small one behind it moves", () => {
  const [driver, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  const other = driver.connect("bob");
  publish(alice, "q", 60, 50, 60, 10);
  other.fetch("q");
  bob.consume("q");
  assert.deepEqual([other.takeIds(), bob.takeIds()], [["q-0"], ["q-1"]]);
  other.disconnect();
  assert.deepEqual(bob.takeIds(), [], "60 bytes do not fit beside 50");
  const third = driver.connect("bob");
  third.ackAll(["q-0"]);
  assert.deepEqual(bob.takeIds(), [], "nor do the next 60");
  third.fetch("q");
  assert.deepEqual([third.takeIds(), bob.takeIds()], [["q-2"], ["q-3"]]);
});

Deno.test("a late ack of the large message moves the small one, and nothing else has to happen", () => {
  const [driver, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  const other = driver.connect("bob");
  publish(alice, "q", 60, 50, 10);
  other.fetch("q");
  bob.consume("q", 2);
  bob.ackAll(["q-2"]);
  alice.publishAll(["next"], { key: "q" });
  assert.deepEqual(bob.takeIds(), ["q-1", "q-2", "next"]);
  bob.ackAll(["next"]);
  other.disconnect();
  alice.publishAll(["last"], { key: "q" });
  assert.deepEqual(bob.takeIds(), [], "60 bytes wait before the last one");
  driver.connect("bob").ackAll(["q-0"]);
  assert.deepEqual(bob.takeIds(), ["last"]);
});

Deno.test("credit is per subscription: one full queue does not stall another", () => {
  const [, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q1", "q2");
  bob.consume("q1", 1);
  bob.consume("q2", 1);
  publish(alice, "q1", 100, 100);
  publish(alice, "q2", 100, 100);
  assert.deepEqual(bob.takeIds(), ["q1-0", "q2-0"]);
  bob.ackAll(["q2-0"]);
  assert.deepEqual(bob.takeIds(), ["q2-1"]);
});

Deno.test("a connection consumes as many queues as the limit says; consuming again is not one more", () => {
  const [driver, , bob] = bound({ maxConsumersPerConnection: 2 }, "q1", "q2", "q3");
  bob.consume("q1");
  assert.deepEqual(bob.consume("q2"), { kind: "subscribed" });
  assert.equal(refusal(bob.consume("q3")), "limit");
  assert.deepEqual(bob.consume("q1"), { kind: "subscribed" });
  assert.deepEqual(driver.connect("bob").consume("q3"), { kind: "subscribed" });
});

Deno.test("a connection that fetches without acking is told at the limit, and may go on after an ack", () => {
  const [, alice, bob] = bound({ defaultPrefetch: 1, maxPrefetch: 2 }, "q");
  publish(alice, "q", 1, 1, 1);
  bob.fetch("q");
  bob.fetch("q");
  assert.equal(refusal(bob.fetch("q")), "limit");
  assert.deepEqual(bob.takeIds(), ["q-0", "q-1"]);
  bob.ackAll(["q-0"]);
  bob.fetch("q");
  assert.deepEqual(bob.takeIds(), ["q-2"]);
});
Deno.test("fetched bytes are bounded as consumed ones are; one message always fits", () => {
  const [, alice, bob] = bound({ maxPrefetchBytes: 100 }, "q");
  publish(alice, "q", 150, 60, 40, 1);
  bob.fetch("q");
  assert.equal(refusal(bob.fetch("q")), "limit");
  bob.ackAll(["q-0"]);
  bob.fetch("q");
  bob.fetch("q");
  assert.equal(refusal(bob.fetch("q")), "limit");
  assert.deepEqual(bob.takeIds(), ["q-0", "q-1", "q-2"]);
  bob.ackAll(["q-1"]);
  bob.fetch("q");
  assert.deepEqual(bob.takeIds(), ["q-3"]);
});
