/**
 * Messages whose time is over: when that is, what becomes of them, and what is kept of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bound, type CoreClient } from "../support/core_driver.ts";

/** Three of these are more than a step moves. */
const LARGE = "x".repeat(3 * 1024 * 1024);

function waiting(client: CoreClient, queue = "q"): number {
  return client.stats().queues.find(([name]) => name === queue)?.[1] ?? 0;
}

Deno.test("a message that waits is a dead letter when its time is over, not a millisecond before", () => {
  for (const whose of ["queue", "message"]) {
    const [driver, , bob] = bound(whose === "queue" ? { ttlMs: 1000 } : {});
    bob.publishAll(["1"], whose === "message" ? { ttlMs: 1000 } : {});
    driver.tick(999);
    assert.equal(waiting(bob), 1, whose);
    driver.tick(1);
    assert.equal(waiting(bob), 0, whose);
    const [letter] = bob.deadLetters("q");
    assert.deepEqual([letter?.reason, letter?.deliveries], ["expired", 0]);
    assert.equal(letter?.atMs, driver.wallMs);
    assert.equal(bob.stats().expired, 1);
  }
});

Deno.test("of the queue's and the message's time to live the sooner one wins", () => {
  const [driver, , bob] = bound({ ttlMs: 1000 });
  bob.publishAll(["sooner"], { ttlMs: 400 });
  bob.publishAll(["later"], { ttlMs: 5000 });
  driver.tick(399);
  assert.equal(waiting(bob), 2);
  driver.tick(1);
  assert.deepEqual(bob.deadLetters("q").map(({ id }) => id), ["sooner"]);
  driver.tick(599);
  assert.equal(waiting(bob), 1);
  driver.tick(1);
  assert.deepEqual(bob.deadLetters("q").map(({ id }) => id), ["sooner", "later"]);
});

Deno.test("a message to several queues has in each the time that this queue gives", () => {
  const [driver, , bob] = bound({ ttlMs: 100 });
  bob.bind("q2", "x", "k", { ttlMs: 300 });
  bob.bind("q3");
  bob.publishAll(["1"], { ttlMs: 200 });
  const left = () => ["q", "q2", "q3"].map((queue) => waiting(bob, queue));
  driver.tick(100);
  assert.deepEqual(left(), [0, 1, 1]);
  driver.tick(100);
  assert.deepEqual(left(), [0, 0, 0]);
});

Deno.test("where the queue says remove, what expires is removed, counted and stays a duplicate", () => {
  const [driver, , bob] = bound({ ttlMs: 1000, expired: "remove" });
  bob.publishAll(["1"]);
  driver.tick(1000);
  assert.deepEqual(driver.changes.at(-1)?.kind, "removed");
  assert.deepEqual(bob.stats().queues, [["q", 0]], "there is no dead-letter queue");
  assert.deepEqual([bob.stats().expired, bob.stats().dead_lettered], [1, 0]);
  bob.publishAll(["1"]);
  assert.equal(waiting(bob), 0);
  driver.restart();
  const again = driver.connect("bob");
  again.publishAll(["1"]);
  assert.equal(waiting(again), 0);
});

Deno.test("without a time to live nothing ever expires", () => {
  const [driver, , bob] = bound();
  bob.publishAll(["1"]);
  driver.tick(1e12);
  assert.deepEqual([waiting(bob), bob.stats().expired], [1, 0]);
});

Deno.test("what is leased when its time is over expires when it comes back, and may be acked before", () => {
  const [driver, , bob] = bound({ ttlMs: 1000, ackTimeoutMs: 5000 });
  bob.publishAll(["1", "2", "3"]);
  bob.consume("q");
  assert.deepEqual(bob.takeIds(), ["1", "2", "3"]);
  driver.tick(1000);
  assert.equal(waiting(bob), 3);
  bob.ackAll(["1"]);
  bob.nack("2");
  assert.deepEqual(bob.deadLetters("q").map(({ id, reason }) => [id, reason]), [["2", "expired"]]);
  driver.tick(4000);
  assert.deepEqual(bob.deadLetters("q").map(({ id }) => id), ["2", "3"]);
  assert.deepEqual([bob.takeIds(), bob.stats().expired], [[], 2]);
});

Deno.test("what expires while it is leased expires, even if the clock has jumped back meanwhile", () => {
  const [driver, , bob] = bound({ ttlMs: 1000, ackTimeoutMs: 5000, expired: "remove" });
  bob.publishAll(["1"]);
  bob.fetch("q");
  driver.tick(1000);
  driver.wallMs -= 1_000_000;
  bob.nack("1");
  assert.equal(waiting(bob), 0);
});

Deno.test("a clock that jumps back delays what would have expired, and loses nothing", () => {
  const [driver, , bob] = bound({ ttlMs: 1000 });
  bob.publishAll(["1"]);
  driver.wallMs -= 500;
  driver.tick(1000);
  assert.equal(waiting(bob), 1);
  bob.publishAll(["2"]);
  driver.tick(500);
  assert.deepEqual(bob.deadLetters("q").map(({ id }) => id), ["1"]);
  driver.tick(500);
  assert.deepEqual(bob.deadLetters("q").map(({ id }) => id), ["1", "2"]);
});

Deno.test("a message whose time is over is not delivered any more, also before the next tick", () => {
  const [driver, , bob] = bound({ ttlMs: 1000 });
  bob.publishAll(["1", "2"]);
  driver.wait(500);
  bob.publishAll(["3"]);
  driver.wait(500);
  bob.consume("q");
  assert.deepEqual(bob.takeIds(), ["3"]);
  assert.deepEqual(bob.deadLetters("q").map(({ id }) => id), ["1", "2"]);
  bob.ackAll(["3"]);
  bob.publishAll(["4"], { to: "carol" });
  const carol = driver.connect("carol");
  driver.wait(1000);
  assert.deepEqual(carol.fetch("q"), { kind: "no_messages" });
  assert.equal(carol.deadLetters("q").length, 1);
});

Deno.test("when a large message expires, the small one behind it moves", () => {
  const [driver, , bob] = bound({}, { maxPrefetchBytes: 100 });
  bob.consume("q");
  bob.publishAll(["held"], { body: "x".repeat(50) });
  bob.publishAll(["large"], { body: "x".repeat(90), ttlMs: 10 });
  bob.publishAll(["small"]);
  assert.deepEqual(bob.takeIds(), ["held"]);
  driver.tick(10);
  assert.deepEqual(bob.takeIds(), ["small"]);
});

Deno.test("a time to live holds across a restart, the time of the pause included", () => {
  const [driver, , bob] = bound({ ttlMs: 1000 });
  bob.publishAll(["1"]);
  driver.wait(500);
  bob.publishAll(["2"], { ttlMs: 700 });
  driver.restart();
  driver.wait(499);
  driver.tick();
  const again = driver.connect("bob");
  assert.equal(waiting(again), 2);
  driver.tick(1);
  assert.deepEqual(again.deadLetters("q").map(({ id }) => id), ["1"]);
  driver.tick(200);
  assert.deepEqual(again.deadLetters("q").map(({ id }) => id), ["1", "2"]);
});

Deno.test("a queue that is told another time to live gives it to what comes from then on", () => {
  const [driver, , bob] = bound({ ttlMs: 1000 });
  bob.publishAll(["1"]);
  bob.declare("q", { ttlMs: 0, expired: "remove" });
  bob.publishAll(["2"]);
  driver.tick(1000);
  assert.equal(waiting(bob), 1);
  assert.deepEqual(bob.deadLetters("q"), [], "what becomes of it is as the queue says by then");
});

Deno.test("one tick ends a bounded number of messages, and the next ones the rest", () => {
  const [driver, , bob] = bound({ ttlMs: 1000, expired: "remove" });
  for (let n = 0; n < 10_001; n++) bob.publish(`m${n}`);
  driver.tick(1000);
  assert.equal(waiting(bob), 1);
  driver.tick();
  assert.equal(waiting(bob), 0);
});

Deno.test("one tick ends messages of a bounded number of bytes, and the next ones the rest", () => {
  for (const expired of ["dead", "remove"] as const) {
    const [driver, , bob] = bound({ ttlMs: 1000, expired });
    bob.publishAll(["1", "2", "3", "4", "5"], { body: LARGE });
    driver.tick(1000);
    assert.equal(waiting(bob), 2);
    assert.deepEqual(bob.fetch("q"), { kind: "no_messages" });
    driver.tick();
    assert.equal(waiting(bob), 0);
    assert.equal(bob.stats().expired, 5);
  }
});

Deno.test("a time to live whose end no clock reaches ends at the last moment that can be stored", () => {
  const [driver, , bob] = bound({ ttlMs: Number.MAX_SAFE_INTEGER - 1 });
  bob.publishAll(["1"], { ttlMs: Number.MAX_SAFE_INTEGER });
  const change = driver.changes.findLast(({ kind }) => kind === "enqueued");
  assert(change?.kind === "enqueued");
  assert.equal(change.message.expiresMs, Number.MAX_SAFE_INTEGER);
  driver.tick(1e12);
  assert.equal(waiting(bob), 1);
});
