/**
 * Acks: whose they are, which delivery they take, and how often they may come.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type CoreClient, CoreDriver, refusal } from "../support/core_driver.ts";

function bound(...queues: string[]): [CoreDriver, CoreClient] {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  for (const queue of queues) bob.bind(queue);
  return [driver, bob];
}

function removedFrom(driver: CoreDriver): string[] {
  return driver.changes.flatMap((change) =>
    change.kind === "removed" ? [change.message.queue] : []
  );
}

const confirmed = (id: string) => ({ kind: "ack_confirmed", id });

Deno.test("one message to two queues is stored in both and acknowledged in each", () => {
  const [driver, bob] = bound("q1", "q2");
  driver.connect("alice").publishAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q1", 1], ["q2", 1]]);
  bob.consume("q2");
  bob.consume("q1");
  assert.deepEqual(bob.take().map(({ queue }) => queue), ["q2", "q1"]);
  assert.deepEqual(bob.ack("1"), confirmed("1"));
  assert.deepEqual(bob.stats().queues, [["q1", 1], ["q2", 0]], "the longest held one went");
  assert.deepEqual(bob.ack("1"), confirmed("1"));
  assert.deepEqual(bob.stats().queues, [["q1", 0], ["q2", 0]]);
  assert.deepEqual(removedFrom(driver), ["q2", "q1"]);
  assert.deepEqual(bob.ack("1"), confirmed("1"), "and it may be repeated");
  assert.equal(removedFrom(driver).length, 2);
});

Deno.test("an ack takes what its own connection holds, not what another of its identity holds longer", () => {
  const [driver, bob] = bound("q1", "q2");
  driver.connect("alice").publishAll(["1"]);
  const other = driver.connect("bob");
  other.fetch("q1");
  bob.fetch("q2");
  bob.ackAll(["1"]);
  assert.deepEqual(removedFrom(driver), ["q2"]);
  other.ackAll(["1"]);
  assert.deepEqual(removedFrom(driver), ["q2", "q1"]);
});

Deno.test("held longest means since it was last handed out, not since it was first", () => {
  const [driver, bob] = bound("q1", "q2");
  driver.connect("alice").publishAll(["1"]);
  bob.fetch("q1");
  bob.disconnect();
  const again = driver.connect("bob");
  again.fetch("q2");
  again.fetch("q1");
  again.ackAll(["1"]);
  assert.deepEqual(removedFrom(driver), ["q2"]);
});

Deno.test("an ack by another identity is refused and changes nothing", () => {
  const [driver, bob] = bound("q");
  const alice = driver.connect("alice");
  alice.publishAll(["1"]);
  bob.consume("q", 1);
  const changes = driver.changes.length;
  for (const thief of [alice, driver.connect("mallory")]) {
    assert.equal(refusal(thief.ack("1")), "not_found");
    assert.equal(refusal(thief.ack("1")), "not_found", "also the second time");
  }
  assert.equal(driver.changes.length, changes);
  assert.deepEqual(bob.stats().queues, [["q", 1]]);
  bob.disconnect();
  const again = driver.connect("bob");
  again.consume("q");
  assert.deepEqual(again.takeIds(), ["1"]);
  again.ackAll(["1"]);
  assert.equal(refusal(alice.ack("1")), "not_found", "nor is bob's ack confirmed to another");
});

Deno.test("an ack of an id that nobody knows, or that waits undelivered, is refused", () => {
  const [driver, bob] = bound("q");
  driver.connect("alice").publishAll(["1"]);
  const changes = driver.changes.length;
  assert.equal(refusal(bob.ack("none")), "not_found");
  assert.equal(refusal(bob.ack("1")), "not_found");
  assert.equal(driver.changes.length, changes);
  bob.fetch("q");
  bob.ackAll(["1"]);
});

Deno.test("acking twice is confirmed twice and removes once, also after a reconnect and a restart", () => {
  const [driver, bob] = bound("q");
  driver.connect("alice").publishAll(["1"]);
  bob.consume("q");
  bob.ackAll(["1", "1"]);
  bob.disconnect();
  driver.connect("bob").ackAll(["1"]);
  driver.restart();
  const again = driver.connect("bob");
  again.ackAll(["1"]);
  assert.equal(removedFrom(driver).length, 1);
  again.consume("q");
  assert.deepEqual(again.take(), []);
});

Deno.test("a late ack after a reconnect counts: the message is not delivered again", () => {
  const [driver, bob] = bound("q");
  driver.connect("alice").publishAll(["1", "2", "3"]);
  bob.consume("q");
  bob.disconnect();
  const again = driver.connect("bob");
  again.ackAll(["2", "1"]);
  assert.deepEqual(removedFrom(driver), ["q", "q"]);
  assert.deepEqual(again.stats().queues, [["q", 1]]);
  again.consume("q");
  assert.deepEqual(again.takeIds(), ["3"]);
  again.ackAll(["3"]);
});

Deno.test("a late ack counts while another connection of the identity has the message", () => {
  const [driver, bob] = bound("q");
  driver.connect("alice").publishAll(["1", "2"]);
  bob.consume("q", 1);
  const second = driver.connect("bob");
  bob.disconnect();
  second.consume("q", 1);
  assert.deepEqual(second.takeIds(), ["1"]);
  driver.connect("bob").ackAll(["1"]);
  assert.deepEqual(second.takeIds(), ["2"], "its credit came back");
  second.ackAll(["1", "2"]);
  assert.equal(removedFrom(driver).length, 2);
});

Deno.test("a repeated ack takes nothing that another connection of the identity holds", () => {
  const [driver, bob] = bound("q");
  const other = driver.connect("bob");
  other.bind("q2");
  driver.connect("alice").publish("1");
  bob.consume("q");
  other.consume("q2");
  bob.ackAll(["1", "1"]);
  assert.deepEqual(removedFrom(driver), ["q"]);
  other.ackAll(["1"]);
  assert.deepEqual(removedFrom(driver), ["q", "q2"]);
});

Deno.test("two publishers' messages of one id to one receiver are acknowledged one by one", () => {
  const [driver, bob] = bound("q");
  driver.connect("alice").publishAll(["1"]);
  driver.connect("carol").publishAll(["1"]);
  bob.consume("q");
  assert.deepEqual(bob.take().map(({ publisher }) => publisher), ["alice", "carol"]);
  bob.ackAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q", 1]]);
  bob.disconnect();
  const again = driver.connect("bob");
  again.consume("q");
  assert.deepEqual(again.take().map(({ publisher }) => publisher), ["carol"]);
  again.ackAll(["1"]);
  assert.deepEqual(again.stats().queues, [["q", 0]]);
});

Deno.test("one id under two receivers is acknowledged by each for itself", () => {
  const [driver, bob] = bound("q");
  const dave = driver.connect("dave");
  driver.connect("alice").publishAll(["1"], { to: "bob" });
  driver.connect("carol").publishAll(["1"], { to: "dave" });
  bob.consume("q");
  dave.consume("q");
  dave.ackAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q", 1]]);
  bob.ackAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q", 0]]);
});
