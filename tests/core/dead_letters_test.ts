/**
 * Dead letters: what is kept of them, who sees them, and how they get back.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bound, type CoreClient, refusal } from "../support/core_driver.ts";

/** Publishes messages and rejects each. */
function bury(alice: CoreClient, bob: CoreClient, ids: readonly string[], reason = ""): void {
  for (const id of ids) {
    alice.publishAll([id], { to: bob.identity });
    bob.fetch("q");
    assert.deepEqual(bob.reject(id, reason), { kind: "nack_confirmed", id });
  }
  bob.take();
}

function ids(letters: readonly { readonly id: string }[]): string[] {
  return letters.map(({ id }) => id);
}

Deno.test("a dead letter keeps id, body, exchange, key, original queue, reason, count and time", () => {
  const [driver, alice, bob] = bound();
  alice.bind("q", "news", "sport");
  alice.publishAll(["1"], { exchange: "news", key: "sport", body: "sealed" });
  bob.fetch("q");
  bob.nack("1");
  bob.fetch("q");
  driver.wait(70);
  bob.reject("1", "no key opens it");
  const letter = {
    ...{ seq: 0, id: "1", publisher: "alice", size: 6, exchange: "news", routingKey: "sport" },
    ...{ reason: "rejected", text: "no key opens it", deliveries: 2 },
    ...{ atMs: 1_700_000_000_070, queue: "q" },
  };
  assert.deepEqual(bob.deadLetters("q"), [letter]);
  driver.restart();
  const again = driver.connect("bob");
  assert.deepEqual(again.deadLetters("q"), [letter], "also after a restart");
  again.fetch("q.dead");
  assert.deepEqual(again.take(), [
    {
      ...{ queue: "q.dead", id: "1", publisher: "alice", body: "sealed" },
      ...{ deliveries: 1, fetched: true },
    },
  ]);
  assert.equal(again.stats().dead_lettered, 0);
  assert.equal(bob.driver.changes.filter(({ kind }) => kind === "enqueued").length, 1);
});

Deno.test("dead letters are counted", () => {
  const [, alice, bob] = bound({ maxDeliveries: 1 });
  bury(alice, bob, ["1", "2"]);
  alice.publishAll(["3"]);
  bob.fetch("q");
  bob.nack("3");
  assert.deepEqual([bob.stats().dead_lettered, bob.stats().expired], [3, 0]);
});

Deno.test("a dead-letter queue declares itself with the first dead letter, durably, and once", () => {
  const [driver, alice, bob] = bound();
  assert.deepEqual(bob.stats().queues, [["q", 0]]);
  bury(alice, bob, ["1", "2"]);
  assert.deepEqual(bob.stats().queues, [["q", 0], ["q.dead", 2]]);
  const declared = driver.changes.flatMap((change) =>
    change.kind === "queue_declared" ? [change.queue] : []
  );
  assert.deepEqual(declared, ["q", "q.dead"]);
  driver.restart();
  assert.deepEqual(driver.connect("bob").stats().queues, [["q", 0], ["q.dead", 2]]);
});

Deno.test("an id that is another message's by now stays that, also when the older one dies and after a restart", () => {
  const [driver] = bound();
  driver.restart({ duplicateHorizonMs: 1_000 });
  const [alice, bob] = [driver.connect("alice"), driver.connect("bob")];
  alice.publishAll(["1"], { body: "older" });
  driver.wait(2_000);
  alice.publishAll(["2"]);
  alice.publishAll(["1"], { body: "younger" });
  bob.fetch("q");
  bob.reject("1");
  driver.restart();
  const again = driver.connect("alice");
  again.publishAll(["1"], { body: "younger" });
  assert.equal(again.stats().duplicates, 1);
  assert.equal(refusal(again.publish("1", { body: "older" })), "conflict");
});

Deno.test("no quota keeps a message from becoming a dead letter", () => {
  const limits = { maxQueues: 1, maxQueueMessages: 1, maxQueueBytes: 10 };
  const [, alice, bob] = bound({}, limits);
  bury(alice, bob, ["1", "2", "3", "4"]);
  assert.deepEqual(bob.stats().queues, [["q", 0], ["q.dead", 4]]);
  alice.declare("other");
  assert.equal(refusal(alice.declare("other")), "limit", "it counts as a queue");
  alice.declare("q.dead", { maxMessages: 1, maxBytes: 1 });
  bury(alice, bob, ["5"]);
  assert.equal(bob.deadLetters("q").length, 5);
});

Deno.test("addressed delivery holds in the dead-letter queue too", () => {
  const [driver, alice, bob] = bound();
  const mallory = driver.connect("mallory");
  mallory.consume("q.dead");
  bury(alice, bob, ["1"]);
  mallory.consume("q.dead");
  alice.consume("q.dead");
  assert.deepEqual([mallory.take(), alice.take()], [[], []]);
  assert.deepEqual(mallory.fetch("q.dead"), { kind: "no_messages" });
  assert.deepEqual(mallory.deadLetters("q"), []);
  assert.equal(mallory.redrive("q"), 0);
  assert.equal(mallory.redrive("q", "1"), 0);
  assert.deepEqual(ids(bob.deadLetters("q")), ["1"]);
  bob.consume("q.dead");
  assert.deepEqual(bob.takeIds(), ["1"]);
  assert.equal(refusal(mallory.ack("1")), "not_found");
  bob.ackAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q", 0], ["q.dead", 0]]);
});

Deno.test("a consumer of the dead-letter queue has a dead letter at once", () => {
  const [, alice, bob] = bound();
  bury(alice, bob, ["1"]);
  bob.consume("q.dead");
  assert.deepEqual(bob.takeIds(), ["1"]);
  bury(alice, bob, []);
  alice.publishAll(["2"]);
  bob.fetch("q");
  bob.reject("2");
  assert.deepEqual(bob.take().map(({ queue, id }) => [queue, id]), [["q", "2"], ["q.dead", "2"]]);
});

Deno.test("a dead letter never dies again, whoever declared its queue and whatever it was told", () => {
  for (const declared of ["before", "after", "never"]) {
    const [driver, alice, bob] = bound({}, { maxDeliveries: 1 });
    const options = { maxDeliveries: 1, ttlMs: 10, ackTimeoutMs: 5 };
    if (declared === "before") alice.declare("q.dead", options);
    bury(alice, bob, ["1"]);
    if (declared === "after") alice.declare("q.dead", options);
    bob.consume("q.dead");
    for (let turn = 0; turn < 3; turn++) {
      driver.tick(30_000);
      assert.deepEqual(bob.nack("1"), { kind: "nack_confirmed", id: "1" });
      assert.deepEqual(bob.reject("1", "again"), { kind: "nack_confirmed", id: "1" });
    }
    bob.disconnect();
    const again = driver.connect("bob");
    driver.tick(30_000);
    const [letter] = again.deadLetters("q");
    assert.deepEqual([letter?.text, letter?.deliveries], ["", 1], declared);
    assert.deepEqual(again.stats().queues.map(([name]) => name).toSorted(), ["q", "q.dead"]);
    driver.restart();
    assert.equal(driver.connect("bob").deadLetters("q").length, 1);
  }
});

Deno.test("what is published to a dead-letter queue stays there whatever its time to live", () => {
  const [driver, alice, bob] = bound();
  alice.bind("q.dead", "x", "dead", { ttlMs: 10 });
  alice.publishAll(["1"], { key: "dead", ttlMs: 10 });
  driver.tick(10);
  assert.deepEqual(bob.stats().queues, [["q", 0], ["q.dead", 1]]);
  bob.fetch("q.dead");
  assert.deepEqual(bob.takeIds(), ["1"]);
});

Deno.test("a quota holds for what clients publish to a dead-letter queue themselves", () => {
  const [, alice, bob] = bound({}, { maxQueueMessages: 2 });
  bury(alice, bob, ["1"]);
  alice.bind("q.dead", "x", "dead");
  alice.publishAll(["2"], { key: "dead" });
  assert.equal(refusal(alice.publish("3", { key: "dead" })), "limit");
  bury(alice, bob, ["4"]);
  assert.deepEqual(bob.stats().queues, [["q", 0], ["q.dead", 3]]);
});

Deno.test("dead letters are listed from a place on, a hundred at a time, what is leased left out", () => {
  const [, alice, bob] = bound();
  const all = Array.from({ length: 205 }, (_, n) => `m${n}`);
  bury(alice, bob, all);
  const first = bob.deadLetters("q");
  assert.deepEqual(ids(first), all.slice(0, 100));
  assert.deepEqual(ids(bob.deadLetters("q", 99)), all.slice(100, 200));
  assert.deepEqual(ids(bob.deadLetters("q", 199)), all.slice(200));
  assert.deepEqual(bob.deadLetters("q", 204), []);
  bob.fetch("q.dead");
  bob.fetch("q.dead");
  bob.nack("m0");
  assert.deepEqual(ids(bob.deadLetters("q")).slice(0, 2), ["m0", "m2"]);
});

Deno.test("what a client published to a dead-letter queue itself is no dead letter and hides none", () => {
  const [, alice, bob] = bound();
  alice.bind("q.dead", "x", "dead");
  for (let n = 0; n < 1001; n++) alice.publish(`plain${n}`, { key: "dead" });
  bury(alice, bob, ["1", "2"]);
  assert.deepEqual(ids(bob.deadLetters("q")), ["1", "2"]);
  assert.equal(bob.redrive("q"), 2);
  assert.deepEqual(bob.stats().queues, [["q", 2], ["q.dead", 1001]]);
});

Deno.test("a queue without dead letters has an empty list and nothing to redrive", () => {
  const [, , bob] = bound();
  assert.deepEqual(bob.deadLetters("q"), []);
  assert.equal(bob.redrive("q"), 0);
});

Deno.test("dead letters of a queue that is not there are refused, listed or redriven", () => {
  const [, , bob] = bound();
  for (const kind of ["dead_letters", "redrive"] as const) {
    const answer = bob.send({ kind, queue: "none" });
    assert.deepEqual(answer, {
      kind: "refused",
      code: "not_found",
      text: "no queue 'none'; declare it first",
    });
  }
});

Deno.test("redrive puts dead letters back as they were, in order, counted anew, and they may die again", () => {
  const [driver, alice, bob] = bound({ maxDeliveries: 2 });
  bury(alice, bob, ["1", "2", "3"], "bad");
  alice.publishAll(["4"]);
  assert.equal(bob.redrive("q"), 3);
  assert.deepEqual(bob.deadLetters("q"), []);
  const moved = driver.changes.findLast((change) => change.kind === "moved");
  assert.equal(moved?.message.dead, undefined, "nothing of its death is kept");
  driver.restart();
  const again = driver.connect("bob");
  again.consume("q", 4);
  assert.deepEqual(
    again.take().map(({ id, publisher, body, deliveries }) => [id, publisher, body, deliveries]),
    ["4", "1", "2", "3"].map((id) => [id, "alice", "text", 1]),
  );
  again.reject("1", "still bad");
  again.nack("2");
  again.nack("2");
  assert.deepEqual(again.deadLetters("q").map(({ seq, id, text }) => [seq, id, text]), [
    [3, "1", "still bad"],
    [4, "2", ""],
  ]);
  assert.equal(refusal(driver.connect("alice").publish("1", { body: "other" })), "conflict");
});

Deno.test("redrive of one id leaves the others, and what is not there counts nothing", () => {
  const [, alice, bob] = bound();
  bury(alice, bob, ["1", "2", "3"]);
  assert.equal(bob.redrive("q", "2"), 1);
  assert.equal(bob.redrive("q", "2"), 0);
  assert.deepEqual(ids(bob.deadLetters("q")), ["1", "3"]);
  assert.deepEqual(bob.stats().queues, [["q", 1], ["q.dead", 2]]);
  bob.fetch("q.dead");
  assert.equal(bob.redrive("q", "1"), 0, "it is leased");
});

Deno.test("redrive reaches consumers at once", () => {
  const [, alice, bob] = bound();
  bury(alice, bob, ["1", "2"]);
  bob.consume("q", 1);
  bob.redrive("q");
  assert.deepEqual(bob.takeIds(), ["1"]);
  bob.ackAll(["1"]);
  assert.deepEqual(bob.takeIds(), ["2"]);
});

Deno.test("redrive stops where its queue is full, and goes on later", () => {
  const [, alice, bob] = bound({ maxMessages: 2 });
  bury(alice, bob, ["1", "2", "3"]);
  alice.publishAll(["4"]);
  assert.equal(bob.redrive("q"), 1);
  assert.deepEqual(ids(bob.deadLetters("q")), ["2", "3"]);
  assert.equal(bob.redrive("q"), 0);
  bob.consume("q");
  bob.ackAll(["4", "1"]);
  assert.equal(bob.redrive("q"), 2);
  assert.deepEqual(bob.takeIds(), ["4", "1", "2", "3"]);
});

Deno.test("redrive stops at one that is too large for the room there is: a younger one does not overtake", () => {
  const [, alice, bob] = bound({ maxBytes: 100 });
  for (const [id, bytes] of [["1", 60], ["2", 60], ["3", 1]] as const) {
    alice.publishAll([id], { body: "x".repeat(bytes) });
    bob.fetch("q");
    bob.reject(id);
  }
  assert.equal(bob.redrive("q"), 1);
  assert.deepEqual(ids(bob.deadLetters("q")), ["2", "3"]);
});

Deno.test("redrive moves a bounded number at once, and says so", () => {
  const [, alice, bob] = bound();
  bury(alice, bob, Array.from({ length: 1001 }, (_, n) => `m${n}`));
  assert.deepEqual([bob.redrive("q"), bob.redrive("q"), bob.redrive("q")], [1000, 1, 0]);
});

Deno.test("dead letters are made and redriven a bounded number of bytes at a time, in order", () => {
  const [driver, alice, bob] = bound({ maxDeliveries: 1, maxMessages: 9 }, {
    maxPrefetchBytes: 2 ** 30,
    maxUnsentBytes: 2 ** 30,
  });
  const large = ["1", "2", "3", "4", "5"];
  alice.publishAll(large, { body: "x".repeat(3 * 1024 * 1024) });
  alice.publishAll(["small"]);
  bob.consume("q", 5);
  bob.disconnect();
  const again = driver.connect("bob");
  assert.deepEqual(ids(again.deadLetters("q")), ["1", "2", "3"]);
  assert.deepEqual(again.ack("4"), { kind: "ack_confirmed", id: "4" }, "a late ack counts still");
  again.consume("q");
  assert.deepEqual(again.takeIds(), ["small"], "nobody gets what is to die");
  again.disconnect();
  driver.tick();
  const last = driver.connect("bob");
  assert.deepEqual(
    last.deadLetters("q").map(({ id, reason, deliveries }) => [id, reason, deliveries]),
    ["1", "2", "3", "5", "small"].map((id) => [id, "max_deliveries", 1]),
  );
  assert.deepEqual([last.redrive("q"), last.redrive("q"), last.redrive("q")], [3, 2, 0]);
  last.consume("q");
  assert.deepEqual(last.takeIds(), ["1", "2", "3", "5", "small"]);
});

Deno.test("what was too much for one step dies with the next tick, and is counted once", () => {
  const [driver, alice, bob] = bound({ maxDeliveries: 1, ackTimeoutMs: 10 }, {
    maxPrefetchBytes: 2 ** 30,
    maxUnsentBytes: 2 ** 30,
  });
  alice.publishAll(["1", "2", "3", "4", "5"], { body: "x".repeat(3 * 1024 * 1024) });
  bob.consume("q");
  driver.tick(10);
  assert.deepEqual(bob.stats().queues, [["q", 2], ["q.dead", 3]]);
  driver.tick();
  assert.deepEqual(bob.stats().queues, [["q", 0], ["q.dead", 5]]);
  assert.equal(bob.stats().dead_lettered, 5);
  assert.deepEqual(ids(bob.deadLetters("q")), ["1", "2", "3", "4", "5"]);
  assert.equal(bob.take().length, 5, "each was delivered once");
});

Deno.test("redrive needs the queue; once it is declared again, its dead letters go there", () => {
  const [driver, alice, bob] = bound();
  bury(alice, bob, ["1"]);
  assert.deepEqual(alice.send({ kind: "delete_queue", queue: "q", force: false }), {
    kind: "queue_deleted",
  });
  assert.equal(refusal(bob.send({ kind: "redrive", queue: "q" })), "not_found");
  assert.deepEqual(ids(bob.deadLetters("q")), ["1"], "deleting a queue keeps its dead letters");
  driver.restart();
  const again = driver.connect("bob");
  again.declare("q");
  assert.equal(again.redrive("q"), 1);
  again.fetch("q");
  assert.deepEqual(again.takeIds(), ["1"]);
});

Deno.test("what is redriven lives as long as a message that is published now", () => {
  const [driver, alice, bob] = bound({ ttlMs: 1000 });
  alice.publishAll(["1"]);
  driver.tick(1000);
  assert.equal(bob.redrive("q"), 1);
  driver.tick(999);
  assert.deepEqual(bob.deadLetters("q"), []);
  driver.tick(1);
  assert.equal(bob.deadLetters("q").length, 1);
});
Deno.test("when a large dead letter is redriven, the small one behind it moves", () => {
  const [, alice, bob] = bound({}, { maxPrefetchBytes: 100 });
  for (const [id, bytes] of [["held", 50], ["large", 90], ["small", 1]] as const) {
    alice.publishAll([id], { body: "x".repeat(bytes) });
    bob.fetch("q");
    bob.reject(id);
  }
  bob.take();
  bob.consume("q.dead");
  assert.deepEqual(bob.takeIds(), ["held"]);
  assert.equal(bob.redrive("q", "large"), 1);
  assert.deepEqual(bob.takeIds(), ["small"]);
});

Deno.test("a dead letter that is handed out while others are redriven stays with who has it", () => {
  const [driver, alice, bob] = bound({}, { maxPrefetchBytes: 100 });
  for (const [id, bytes] of [["held", 50], ["large", 90], ["small", 1]] as const) {
    alice.publishAll([id], { body: "x".repeat(bytes) });
    bob.fetch("q");
    bob.reject(id);
  }
  bob.take();
  bob.consume("q.dead");
  assert.deepEqual(bob.takeIds(), ["held"]);
  alice.publishAll(["brief"], { ttlMs: 10 });
  driver.wait(10);
  // The large one meets the brief one, whose death looks at the queue where the small one waits.
  assert.equal(bob.redrive("q"), 1);
  assert.deepEqual(bob.takeIds(), ["small", "brief"]);
  bob.ackAll(["small"]);
  assert.deepEqual(bob.stats().queues, [["q", 1], ["q.dead", 2]]);
});
