/**
 * What is refused behind a message that found no room, and for how long.
 *
 * @module
 */
import assert from "node:assert/strict";
import { HeldBack } from "../../lib/core/held_back.ts";
import { type CoreClient, CoreDriver, refusalText } from "../support/core_driver.ts";

/** A connection that was refused message 1 because the queue was full, and the queue has room now. */
function refusedOnce(): [CoreDriver, CoreClient] {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("q", "x", "k", { maxMessages: 2 });
  driver.connect("carol").publishAll(["a", "b"]);
  assert.equal(refusalText(alice.publish("1")), FULL);
  const bob = driver.connect("bob");
  bob.consume("q");
  bob.ackAll(["a", "b"]);
  return [driver, alice];
}

const FULL = "queue 'q' is full (2 messages); try again later";

Deno.test("what was in flight behind a message that found no room does not overtake it", () => {
  const [driver, alice] = refusedOnce();
  const changes = driver.changes.length;
  for (const id of ["2", "3", "4"]) assert.equal(refusalText(alice.publish(id)), FULL);
  assert.equal(driver.changes.length, changes);
  assert.equal(alice.stats().refused_full, 4);
  alice.publishAll(["1", "2"]);
  assert.equal(alice.stats().duplicates, 0);
});

Deno.test("a disk that was low holds back what comes behind, too", () => {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("q");
  driver.diskLow(true);
  const text = refusalText(alice.publish("1"));
  driver.diskLow(false);
  assert.equal(refusalText(alice.publish("2")), text);
  alice.publishAll(["1", "2"]);
});

Deno.test("nothing else is held back: no other route, connection or message that was accepted before", () => {
  const [driver, alice] = refusedOnce();
  alice.bind("q", "x", "other");
  alice.publishAll(["2"], { key: "other" });
  alice.publishAll(["2"]);
  driver.connect("alice").publishAll(["3"]);
  assert.equal(refusalText(alice.publish("4")), FULL);
});

Deno.test("a message that can never have room holds back nothing", () => {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("q", "x", "k", { maxBytes: 10 });
  assert.match(refusalText(alice.publish("1", { body: "x".repeat(11) })), /larger than/);
  alice.publishAll(["2"]);
});

Deno.test("whoever gives the refused message up is held back until 2 seconds were quiet", () => {
  const [driver, alice] = refusedOnce();
  driver.wait(1999);
  assert.equal(refusalText(alice.publish("2")), FULL);
  driver.wait(1999);
  assert.equal(refusalText(alice.publish("3")), FULL);
  driver.wait(2000);
  alice.publishAll(["4"]);
});

Deno.test("whoever gives the refused message up and never pauses is held back for 10 seconds", () => {
  const [driver, alice] = refusedOnce();
  for (let n = 0; n < 9; n++) {
    driver.wait(1000);
    assert.equal(refusalText(alice.publish(`m${n}`)), FULL);
  }
  driver.wait(999);
  assert.equal(refusalText(alice.publish("m9")), FULL);
  driver.wait(1);
  alice.publishAll(["m10"]);
});

Deno.test("whoever tries a later message again keeps no order, and is held back no more", () => {
  const [, alice] = refusedOnce();
  assert.equal(refusalText(alice.publish("2")), FULL);
  alice.publishAll(["2", "3"]);
});

Deno.test("a bounded number of routes is held back, the latest ones", () => {
  const held = new HeldBack();
  for (let n = 0; n < 1_500; n++) held.hold(`x k${n}`, "1", "full", 0);
  assert.equal(held.size, 1_000);
  assert.deepEqual(
    [held.reason("x k499", "2", 1), held.reason("x k500", "2", 1)],
    [undefined, "full"],
  );
});
