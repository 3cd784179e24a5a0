/**
 * The life of a lease: how it ends, what its end does, and what may still be said afterwards.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bound, type CoreClient, CoreDriver, refusal } from "../support/core_driver.ts";

function consuming(driver: CoreDriver, queue = "q", prefetch?: number): CoreClient {
  const bob = driver.connect("bob");
  bob.consume(queue, prefetch);
  return bob;
}

/** Ids and delivery counts of what came since the last call. */
function counted(client: CoreClient): [id: string, deliveries: number][] {
  return client.take().map(({ id, deliveries }) => [id, deliveries]);
}

function kinds(driver: CoreDriver, from = 0): string[] {
  return driver.changes.slice(from).map(({ kind }) => kind);
}

Deno.test("a lease ends when the ack timeout has passed, not a millisecond before", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver);
  alice.publishAll(["1"]);
  driver.tick(999);
  assert.deepEqual(counted(bob), [["1", 1]]);
  driver.tick(1);
  assert.deepEqual(counted(bob), [["1", 2]]);
  driver.tick(999);
  assert.deepEqual(bob.take(), [], "the new lease has its own time");
  driver.tick(1);
  assert.deepEqual(counted(bob), [["1", 3]]);
});

Deno.test("a queue that was told no ack timeout has the broker's, 30 seconds by default", () => {
  const [driver, alice] = bound();
  const bob = consuming(driver);
  alice.publishAll(["1"]);
  driver.tick(29_999);
  assert.equal(bob.take().length, 1);
  driver.tick(1);
  assert.equal(bob.take().length, 1);
  const [other, carol] = bound({}, { ackTimeoutMs: 5 });
  const dave = consuming(other);
  carol.publishAll(["1"]);
  other.tick(5);
  assert.equal(dave.take().length, 2);
});

Deno.test("the ack timeout is each queue's own", () => {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("quick", "x", "quick", { ackTimeoutMs: 10 });
  alice.bind("slow", "x", "slow", { ackTimeoutMs: 500 });
  const bob = consuming(driver, "slow");
  bob.consume("quick");
  alice.publishAll(["s"], { key: "slow" });
  alice.publishAll(["f"], { key: "quick" });
  driver.tick(499);
  assert.deepEqual(counted(bob), [["s", 1], ["f", 1], ["f", 2]]);
  driver.tick(1);
  assert.deepEqual(counted(bob), [["s", 2]]);
});

Deno.test("leases go by the monotonic clock, however the wall clock jumps", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver);
  alice.publishAll(["1"]);
  driver.wallMs += 1_000_000;
  driver.tick(999);
  assert.equal(bob.take().length, 1);
  driver.wallMs -= 5_000_000;
  driver.tick(1);
  assert.deepEqual(counted(bob), [["1", 2]]);
});

Deno.test("timed out leases return to the front, in order, each with its count, and durably", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver, "q", 3);
  alice.publishAll(["1", "2", "3", "4", "5"]);
  bob.ackAll(["2"]);
  assert.deepEqual(bob.takeIds(), ["1", "2", "3", "4"]);
  driver.tick(1000);
  assert.deepEqual(counted(bob), [["1", 2], ["3", 2], ["4", 2]]);
  assert.deepEqual(kinds(driver).slice(-3), ["returned", "returned", "returned"]);
  driver.restart();
  const again = consuming(driver);
  assert.deepEqual(counted(again), [["1", 2], ["3", 2], ["4", 2], ["5", 1]]);
});

Deno.test("one tick ends a bounded number of leases, and the next one the rest", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000, maxDeliveries: 0 });
  for (const _ of ["one", "other"]) consuming(driver, "q", 6_000);
  alice.publishAll(Array.from({ length: 12_000 }, (_, n) => `m${n}`));
  const returned = () => kinds(driver).filter((kind) => kind === "returned").length;
  driver.tick(1000);
  assert.equal(returned(), 10_000);
  driver.tick();
  assert.equal(returned(), 12_000);
});

Deno.test("what one consumer leaves lying goes to another that has room", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const stuck = consuming(driver, "q", 1);
  alice.publishAll(["1"]);
  driver.wait(500);
  const other = consuming(driver, "q", 1);
  driver.tick(500);
  assert.deepEqual([counted(stuck), counted(other)], [[["1", 1]], [["1", 2]]]);
});

Deno.test("a fetched message's lease ends like any other", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  alice.publishAll(["1", "2"]);
  const bob = driver.connect("bob");
  bob.fetch("q");
  driver.tick(1000);
  bob.fetch("q");
  assert.deepEqual(counted(bob), [["1", 1], ["1", 2]]);
});

Deno.test("a late ack from the same identity still counts, whoever has the message now", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver, "q", 1);
  alice.publishAll(["1", "2", "3"]);
  driver.wait(1);
  const other = consuming(driver, "q", 1);
  assert.deepEqual([bob.takeIds(), other.takeIds()], [["1"], ["2"]]);
  driver.tick(999);
  assert.deepEqual(counted(bob), [["1", 2]], "the other one is full");
  bob.disconnect();
  const third = driver.connect("bob");
  third.ackAll(["1"]);
  assert.equal(kinds(driver).at(-1), "removed");
  driver.tick(1);
  assert.deepEqual(counted(other), [["2", 2]]);
  third.ackAll(["2"]);
  assert.deepEqual(counted(other), [["3", 1]], "its credit came back with the ack");
  assert.equal(refusal(driver.connect("mallory").ack("3")), "not_found");
});

Deno.test("touch starts a lease's time anew, as often as it comes", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver);
  alice.publishAll(["1", "2"]);
  for (let turn = 0; turn < 3; turn++) {
    driver.tick(900);
    assert.deepEqual(bob.touch("1"), { kind: "touched", id: "1" });
  }
  assert.deepEqual(counted(bob), [["1", 1], ["2", 1], ["2", 2]]);
  driver.tick(999);
  assert.deepEqual(counted(bob), [["2", 3]]);
  driver.tick(1);
  assert.deepEqual(counted(bob), [["1", 2]]);
});

Deno.test("touch is for every delivery of its id that this connection holds, and for no other", () => {
  const driver = new CoreDriver({ ackTimeoutMs: 1000 });
  const bob = driver.connect("bob");
  for (const queue of ["q1", "q2", "q3"]) bob.bind(queue);
  bob.publishAll(["1"]);
  driver.connect("alice").publishAll(["1"]);
  const other = driver.connect("bob");
  for (const queue of ["q1", "q1", "q2"]) bob.fetch(queue);
  other.fetch("q3");
  driver.tick(900);
  assert.deepEqual(bob.touch("1"), { kind: "touched", id: "1" });
  driver.tick(999);
  const consumer = driver.connect("bob");
  for (const queue of ["q1", "q2", "q3"]) consumer.consume(queue, 2);
  const gone = () => consumer.take().filter(({ deliveries }) => deliveries > 1);
  assert.deepEqual(gone().map(({ queue }) => queue), ["q3"]);
  driver.tick(1);
  assert.deepEqual(
    gone().map(({ queue }) => queue).toSorted(),
    ["q1", "q1", "q2", "q3"].slice(0, 3),
  );
});

Deno.test("touching stores nothing and does not change which of two an ack takes", () => {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  bob.bind("q1");
  bob.bind("q2");
  bob.publishAll(["1"]);
  bob.fetch("q1");
  bob.fetch("q2");
  const changes = driver.changes.length;
  bob.touch("1");
  assert.equal(driver.changes.length, changes);
  bob.ackAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q1", 0], ["q2", 1]]);
});

Deno.test("nack again brings the message back at once, before what is younger, and counts", () => {
  const [driver, alice] = bound();
  const bob = consuming(driver, "q", 2);
  alice.publishAll(["1", "2", "3"]);
  assert.deepEqual(bob.nack("2"), { kind: "nack_confirmed", id: "2" });
  assert.deepEqual(counted(bob), [["1", 1], ["2", 1], ["2", 2]]);
  bob.nack("1");
  assert.deepEqual(counted(bob), [["1", 2]]);
  assert.deepEqual(kinds(driver).slice(-2), ["returned", "returned"]);
});

Deno.test("nack gives its credit back: another consumer's turn comes first", () => {
  const [driver, alice] = bound();
  const bob = consuming(driver, "q", 1);
  alice.publishAll(["1"]);
  const other = consuming(driver, "q", 1);
  bob.nack("1");
  assert.deepEqual([counted(bob), counted(other)], [[["1", 1]], [["1", 2]]]);
});

Deno.test("nack and touch are for what this very connection holds, and change nothing else", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver, "q", 1);
  alice.publishAll(["1", "2"]);
  const changes = driver.changes.length;
  const strangers = [driver.connect("bob"), alice, driver.connect("mallory")];
  for (const stranger of strangers) {
    for (const answer of [stranger.nack("1"), stranger.reject("1"), stranger.touch("1")]) {
      assert.equal(refusal(answer), "not_found");
    }
  }
  assert.equal(refusal(bob.nack("2")), "not_found", "it waits");
  assert.equal(refusal(bob.touch("none")), "not_found");
  assert.equal(driver.changes.length, changes);
  driver.tick(1000);
  assert.deepEqual(counted(bob), [["1", 1], ["1", 2]], "nobody prolonged it");
  bob.ackAll(["1"]);
  assert.equal(refusal(bob.nack("1")), "not_found", "after its ack");
});

Deno.test("a lease that has ended can be neither nacked nor touched by who had it", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = driver.connect("bob");
  alice.publishAll(["1"]);
  bob.fetch("q");
  driver.tick(1000);
  assert.equal(refusal(bob.touch("1")), "not_found");
  assert.equal(refusal(bob.nack("1")), "not_found");
  const other = driver.connect("bob");
  other.fetch("q");
  assert.equal(refusal(bob.reject("1")), "not_found");
  assert.deepEqual(other.touch("1"), { kind: "touched", id: "1" });
});

Deno.test("after max_deliveries deliveries a message is a dead letter, not one delivery before", () => {
  for (const end of ["timeout", "nack", "disconnect"]) {
    const [driver, alice] = bound({ maxDeliveries: 3, ackTimeoutMs: 1000 });
    alice.publishAll(["1", "2"]);
    for (let delivery = 1; delivery <= 3; delivery++) {
      const bob = driver.connect("bob");
      bob.fetch("q");
      assert.deepEqual(counted(bob), [["1", delivery]], end);
      if (end === "timeout") driver.tick(1000);
      else if (end === "nack") bob.nack("1");
      else bob.disconnect();
    }
    const bob = driver.connect("bob");
    bob.fetch("q");
    assert.deepEqual(counted(bob), [["2", 1]], end);
    const [letter] = bob.deadLetters("q");
    assert.deepEqual([letter?.reason, letter?.deliveries, letter?.text], ["max_deliveries", 3, ""]);
    assert.deepEqual(bob.stats().queues, [["q", 1], ["q.dead", 1]], end);
  }
});

Deno.test("an ack of the last delivery counts, and its message is no dead letter", () => {
  const [driver, alice] = bound({ maxDeliveries: 1, ackTimeoutMs: 1000 });
  const bob = consuming(driver);
  alice.publishAll(["1"]);
  driver.wait(1000);
  bob.ackAll(["1"]);
  driver.tick();
  assert.deepEqual(bob.stats().queues, [["q", 0]]);
});

Deno.test("the default of max_deliveries is 20, and 0 is unlimited", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 10 });
  alice.bind("endless", "x", "endless", { ackTimeoutMs: 10, maxDeliveries: 0 });
  const bob = consuming(driver);
  bob.consume("endless");
  alice.publishAll(["1"]);
  alice.publishAll(["2"], { key: "endless" });
  for (let tick = 0; tick < 100; tick++) driver.tick(10);
  const deliveries = bob.takeIds();
  assert.equal(deliveries.filter((id) => id === "1").length, 20);
  assert.equal(deliveries.filter((id) => id === "2").length, 101);
});

Deno.test("deliveries that came back before a restart count towards max_deliveries", () => {
  const [driver, alice] = bound({ maxDeliveries: 2 });
  alice.publishAll(["1"]);
  consuming(driver).disconnect();
  driver.restart();
  consuming(driver).disconnect();
  assert.equal(driver.connect("bob").deadLetters("q").length, 1);
});

Deno.test("a queue that is told fewer deliveries holds to it when a message comes back", () => {
  const [driver, alice] = bound({ maxDeliveries: 5 });
  const bob = consuming(driver);
  alice.publishAll(["1"]);
  bob.nack("1");
  alice.declare("q", { maxDeliveries: 1 });
  assert.deepEqual(counted(bob), [["1", 1], ["1", 2]]);
  bob.nack("1");
  assert.deepEqual(bob.deadLetters("q").map(({ deliveries }) => deliveries), [2]);
});

Deno.test("a dead letter's credit is free again: the next message comes", () => {
  for (const last of ["timeout", "reject"]) {
    const [driver, alice] = bound({ maxDeliveries: 1, ackTimeoutMs: 1000 });
    const bob = consuming(driver, "q", 1);
    alice.publishAll(["1", "2"]);
    if (last === "timeout") driver.tick(1000);
    else bob.reject("1");
    assert.deepEqual(bob.takeIds(), ["1", "2"], last);
  }
});

Deno.test("redeliveries are counted apart", () => {
  const [driver, alice] = bound({ ackTimeoutMs: 1000 });
  const bob = consuming(driver);
  alice.publishAll(["1", "2"]);
  driver.tick(1000);
  bob.nack("1");
  const { message_status_counts, redelivered } = bob.stats();
  assert.deepEqual([message_status_counts.delivered, redelivered], [5, 3]);
});
