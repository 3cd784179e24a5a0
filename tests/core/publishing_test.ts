/**
 * What a publish is refused for, and what never is.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bound, refusal, refusalText } from "../support/core_driver.ts";

Deno.test("a queue takes as many messages as it holds, leased ones included, and says when it is full", () => {
  const [driver, alice, bob] = bound({ maxMessages: 3 });
  alice.publishAll(["1", "2", "3"]);
  bob.fetch("q");
  const answer = alice.publish("4");
  assert.deepEqual(answer, {
    kind: "refused",
    code: "limit",
    text: "queue 'q' is full (3 messages); try again later",
    id: "4",
  });
  bob.ackAll(["1"]);
  alice.publishAll(["4"]);
  assert.equal(refusal(alice.publish("5")), "limit");
  assert.equal(driver.changes.filter(({ kind }) => kind === "enqueued").length, 4);
  assert.equal(alice.stats().refused_full, 2);
});

Deno.test("a queue takes as many bytes as it holds, to the byte", () => {
  const [, alice, bob] = bound({ maxBytes: 100 });
  alice.publishAll(["1"], { body: "x".repeat(60) });
  const text = "queue 'q' is full (100 bytes); try again later";
  assert.equal(refusalText(alice.publish("2", { body: "x".repeat(41) })), text);
  alice.publishAll(["2"], { body: "x".repeat(40) });
  assert.equal(refusalText(alice.publish("3", { body: "x" })), text);
  bob.fetch("q");
  bob.ackAll(["1"]);
  alice.publishAll(["3"], { body: "x".repeat(60) });
});

Deno.test("a message larger than its queue may ever hold is refused without the advice to wait", () => {
  const [, alice] = bound({ maxBytes: 100 });
  alice.publishAll(["1"], { body: "x".repeat(100) });
  assert.equal(
    refusalText(alice.publish("2", { body: "x".repeat(101) })),
    "the message is larger than all that queue 'q' may hold (100 bytes)",
  );
});

Deno.test("the copies of one message for several queues are bounded together; one queue may always", () => {
  const [driver, alice] = bound({}, { maxCopiesBytes: 100 });
  alice.bind("q2", "x", "k");
  alice.publishAll(["1"], { body: "x".repeat(50) });
  assert.equal(
    refusalText(alice.publish("2", { body: "x".repeat(51) })),
    "the message is too large for 2 queues (100 bytes in all)",
  );
  assert.equal(driver.changes.filter(({ kind }) => kind === "enqueued").length, 2);
  alice.send({ kind: "unbind", queue: "q2", exchange: "x", routingKey: "k" });
  alice.publishAll(["2"], { body: "x".repeat(101) });
});

Deno.test("a limit holds across a restart for what is queued then", () => {
  const [driver, alice] = bound({ maxMessages: 2, maxBytes: 100 });
  alice.publishAll(["1", "2"]);
  driver.restart();
  assert.match(refusalText(driver.connect("alice").publish("3")), /2 messages/);
});

Deno.test("messages that leave otherwise than by an ack make room too", () => {
  const [driver, alice, bob] = bound({ maxMessages: 1, maxDeliveries: 1 });
  alice.publishAll(["1"]);
  bob.fetch("q");
  bob.nack("1");
  alice.publishAll(["2"], { ttlMs: 10 });
  driver.tick(10);
  alice.publishAll(["3"]);
  alice.send({ kind: "purge", queue: "q", force: false });
  alice.publishAll(["4"]);
  assert.equal(refusal(alice.publish("5")), "limit");
});

Deno.test("a publish to several queues of which one is full is refused whole and stored nowhere", () => {
  for (const full of ["q", "q2", "q3"]) {
    const [driver, alice, bob] = bound();
    for (const queue of ["q2", "q3"]) alice.bind(queue);
    alice.declare(full, { maxMessages: 1 });
    alice.publishAll(["1"]);
    const changes = driver.changes.length;
    bob.consume("q", 1);
    assert.equal(
      refusalText(alice.publish("2")),
      `queue '${full}' is full (1 messages); try again later`,
    );
    assert.equal(driver.changes.length, changes);
    assert.deepEqual(alice.stats().queues, [["q", 1], ["q2", 1], ["q3", 1]]);
    assert.equal(alice.stats().message_status_counts.sent, 1);
    alice.declare(full, { maxMessages: 2 });
    alice.publishAll(["2"]);
    assert.deepEqual(alice.stats().queues, [["q", 2], ["q2", 2], ["q3", 2]], "its id was not used");
  }
});

Deno.test("while the disk is low publishes are refused, and acks and deliveries go on", () => {
  const [driver, alice, bob] = bound({ ackTimeoutMs: 1000 });
  alice.publishAll(["1", "2", "3"]);
  driver.diskLow(true);
  const changes = driver.changes.length;
  assert.deepEqual(alice.publish("4"), {
    kind: "refused",
    code: "limit",
    text: "the broker's disk is nearly full; try again later",
    id: "4",
  });
  assert.equal(driver.changes.length, changes);
  assert.equal(alice.stats().refused_full, 1);
  bob.consume("q", 1);
  bob.ackAll(["1"]);
  bob.nack("2");
  bob.reject("2");
  assert.deepEqual(bob.take().map(({ id }) => id), ["1", "2", "2", "3"]);
  driver.tick(1000);
  assert.deepEqual(bob.takeIds(), ["3"]);
  assert.equal(bob.deadLetters("q").length, 1);
  driver.diskLow(true);
  assert.equal(refusal(alice.publish("4")), "limit");
  driver.diskLow(false);
  alice.publishAll(["4"]);
});

Deno.test("a message that was accepted is accepted again, even if the queue is full or the disk low", () => {
  const [driver, alice] = bound({ maxMessages: 1 });
  alice.publishAll(["1"]);
  driver.diskLow(true);
  alice.publishAll(["1"]);
  assert.equal(refusal(alice.publish("1", { body: "other" })), "conflict");
  driver.diskLow(false);
  assert.equal(refusal(alice.publish("2")), "limit");
  alice.publishAll(["1"]);
  assert.deepEqual([alice.stats().duplicates, alice.stats().refused_full], [2, 1]);
});

Deno.test("what is refused is not remembered: its id is free for the next try, with any content", () => {
  const [driver, alice] = bound({ maxMessages: 1 });
  alice.publishAll(["1"]);
  assert.equal(refusal(alice.publish("2")), "limit");
  assert.equal(refusal(alice.publish("2", { key: "none" })), "unroutable");
  assert.equal(refusal(alice.publish("2", { exchange: "none" })), "not_found");
  driver.restart();
  const again = driver.connect("alice");
  again.declare("q", { maxMessages: 2 });
  again.publishAll(["2"], { body: "changed" });
});

Deno.test("a message that no queue takes is refused with an error, never dropped", () => {
  const [driver, alice] = bound();
  const changes = driver.changes.length;
  assert.deepEqual(alice.publish("1", { key: "none" }), {
    kind: "refused",
    code: "unroutable",
    text: "no queue is bound to exchange 'x' with routing key 'none'",
    id: "1",
  });
  assert.equal(driver.changes.length, changes);
});

Deno.test("a message that two bindings bring to one queue is queued once", () => {
  const [driver, alice] = bound();
  alice.send({ kind: "declare_exchange", exchange: "news", exchangeKind: "topic" });
  for (const routingKey of ["sport.*", "*.football", "#"]) {
    alice.send({ kind: "bind", queue: "q", exchange: "news", routingKey });
  }
  alice.publishAll(["1"], { exchange: "news", key: "sport.football" });
  assert.deepEqual(alice.stats().queues, [["q", 1]]);
  assert.equal(driver.changes.filter(({ kind }) => kind === "enqueued").length, 1);
});
