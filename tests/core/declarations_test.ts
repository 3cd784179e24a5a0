/**
 * Declaring, binding, undoing and emptying: what is refused, and what is gone afterwards.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Answer } from "../../lib/core/effect.ts";
import { bound, type CoreClient, refusal, refusalText } from "../support/core_driver.ts";

function deleteQueue(client: CoreClient, queue: string, force = false): Answer | undefined {
  return client.send({ kind: "delete_queue", queue, force });
}

function purge(client: CoreClient, queue: string, force = false): Answer | undefined {
  return client.send({ kind: "purge", queue, force });
}

function deleteExchange(client: CoreClient, exchange: string, force = false): Answer | undefined {
  return client.send({ kind: "delete_exchange", exchange, force });
}

function unbind(client: CoreClient, queue = "q", exchange = "x", routingKey = "k") {
  return client.send({ kind: "unbind", queue, exchange, routingKey });
}

function bindKey(client: CoreClient, routingKey: string, queue = "q", exchange = "x") {
  return client.send({ kind: "bind", queue, exchange, routingKey });
}

const DELETED = { kind: "queue_deleted" };

Deno.test("declaring a queue again without options changes and stores nothing", () => {
  const [driver, alice] = bound({ maxMessages: 1 });
  const changes = driver.changes.length;
  assert.deepEqual(alice.declare("q"), { kind: "queue_declared" });
  assert.deepEqual(alice.declare("q", { maxMessages: 1 }), { kind: "queue_declared" });
  assert.equal(driver.changes.length, changes);
  alice.publishAll(["1"]);
  assert.equal(refusal(alice.publish("2")), "limit", "its options stand");
});

Deno.test("declaring a queue with other options sets them, leaves the others, and both survive", () => {
  const [driver, alice, bob] = bound({ maxMessages: 1, maxDeliveries: 1 });
  alice.publishAll(["1"]);
  alice.declare("q", { maxMessages: 2 });
  driver.restart();
  const [again, receiver] = [driver.connect("alice"), driver.connect("bob")];
  again.publishAll(["2"]);
  assert.match(refusalText(again.publish("3")), /2 messages/);
  receiver.fetch("q");
  receiver.nack("1");
  assert.equal(receiver.deadLetters("q").length, 1, "max_deliveries is 1 still");
  assert.deepEqual(bob.take(), []);
});

Deno.test("what a queue was not told is the broker's default of the day", () => {
  const [driver, alice] = bound({}, { maxQueueMessages: 1 });
  alice.publishAll(["1"]);
  assert.match(refusalText(alice.publish("2")), /1 messages/);
  const changes = driver.changes.filter(({ kind }) => kind === "queue_declared");
  assert.deepEqual(changes, [{ kind: "queue_declared", queue: "q", options: {} }]);
});

Deno.test("exchanges, queues and bindings are as many as their limits, and the same again is fine", () => {
  const limits = { maxExchanges: 2, maxQueues: 2, maxBindings: 2 };
  const [, alice] = bound({}, limits);
  alice.bind("q2", "x2", "k2");
  const cases: [Answer | undefined, RegExp][] = [
    [
      alice.send({ kind: "declare_exchange", exchange: "x3", exchangeKind: "direct" }),
      /^there are 2 exchanges, the limit$/,
    ],
    [alice.declare("q3"), /^there are 2 queues, the limit$/],
    [bindKey(alice, "k3"), /^there are 2 bindings, the limit$/],
  ];
  for (const [answer, text] of cases) {
    assert.equal(refusal(answer), "limit");
    assert.match(refusalText(answer), text);
  }
  alice.bind("q2", "x2", "k2");
  const { total_exchanges, total_bindings, queues } = alice.stats();
  assert.deepEqual([total_exchanges, total_bindings, queues.length], [2, 2, 2]);
  unbind(alice);
  assert.deepEqual(bindKey(alice, "k3"), { kind: "queue_bound" }, "there is room again");
  deleteQueue(alice, "q2");
  assert.deepEqual(alice.declare("q3"), { kind: "queue_declared" });
  assert.deepEqual(bindKey(alice, "k4"), { kind: "queue_bound" }, "its bindings went too");
  deleteExchange(alice, "x2");
  const again = alice.send({ kind: "declare_exchange", exchange: "x3", exchangeKind: "fanout" });
  assert.deepEqual(again, { kind: "exchange_declared" });
});

Deno.test("a binding that was refused routes nothing, also after a restart", () => {
  const [driver, alice] = bound({}, { maxBindings: 1 });
  bindKey(alice, "k2");
  assert.equal(refusal(alice.publish("1", { key: "k2" })), "unroutable");
  driver.restart();
  assert.equal(driver.connect("alice").stats().total_bindings, 1);
});

Deno.test("a queue is told no more messages or bytes than the broker's limits, and keeps what it had", () => {
  const [driver, alice] = bound({}, { maxQueueMessages: 3, maxQueueBytes: 100 });
  const changes = driver.changes.length;
  const cases = [
    [{ maxMessages: 4 }, "max_messages is above the broker's limit of 3"],
    [{ maxBytes: 101, ttlMs: 5 }, "max_bytes is above the broker's limit of 100"],
  ] as const;
  for (const queue of ["q", "new"]) {
    for (const [options, text] of cases) {
      const answer = alice.declare(queue, options);
      assert.deepEqual(answer, { kind: "refused", code: "limit", text });
    }
  }
  assert.equal(driver.changes.length, changes);
  assert.deepEqual(alice.declare("q", { maxMessages: 3, maxBytes: 100 }), {
    kind: "queue_declared",
  });
});

Deno.test("ack timeout and deliveries of a queue may be anything, whatever the broker's defaults", () => {
  const [driver, alice, bob] = bound({}, { ackTimeoutMs: 10, maxDeliveries: 1 });
  assert.deepEqual(alice.declare("q", { ackTimeoutMs: 1000, maxDeliveries: 3 }), {
    kind: "queue_declared",
  });
  alice.publishAll(["1"]);
  bob.consume("q");
  for (const count of [1, 2, 3]) {
    assert.deepEqual(bob.take().map(({ deliveries }) => deliveries), [count]);
    driver.tick(999);
    assert.deepEqual(bob.take(), []);
    driver.tick(1);
  }
  assert.equal(bob.deadLetters("q").length, 1);
});

Deno.test("a queue that holds more than a limit lowered later loses nothing and takes nothing more", () => {
  const [driver, alice] = bound();
  alice.declare("q", { maxMessages: 5, maxBytes: 1000 });
  alice.publishAll(["1", "2", "3"]);
  driver.restart({ maxQueueMessages: 2, maxQueueBytes: 500 });
  const again = driver.connect("alice");
  assert.equal(refusalText(again.publish("4")), "queue 'q' is full (2 messages); try again later");
  assert.deepEqual(again.declare("q"), { kind: "queue_declared" }, "declaring it as it is is fine");
  const bob = driver.connect("bob");
  bob.consume("q");
  assert.deepEqual(bob.takeIds(), ["1", "2", "3"]);
  bob.ackAll(["1", "2"]);
  assert.equal(refusal(again.publish("4", { body: "x".repeat(501) })), "limit");
  again.publishAll(["4"]);
  driver.restart({ maxQueueMessages: 100, maxQueueBytes: 2000 });
  const last = driver.connect("alice");
  last.publishAll(["5", "6", "7"]);
  assert.match(refusalText(last.publish("8")), /full \(5 messages\)/, "as it was told");
});

Deno.test("registered keys are as many as the limit; a new key for a known client is no more", () => {
  const [driver, alice, bob] = bound({}, { maxKeys: 1 });
  const register = (client: CoreClient, byte: number) =>
    client.send({
      kind: "register_key",
      client: client.identity,
      key: new Uint8Array(32).fill(byte),
    });
  assert.deepEqual(register(alice, 1), { kind: "key_registered" });
  assert.equal(refusal(register(bob, 1)), "limit");
  assert.deepEqual(register(alice, 2), { kind: "key_registered" });
  driver.restart();
  assert.equal(refusal(register(driver.connect("bob"), 1)), "limit");
});

Deno.test("consumers of a queue are as many as the limit; one that ends makes room", () => {
  const [driver, , bob] = bound({}, { maxConsumersPerQueue: 2 });
  const [second, third] = [driver.connect("bob"), driver.connect("carol")];
  bob.consume("q");
  second.consume("q");
  assert.match(refusalText(third.consume("q")), /^queue 'q' already has 2 consumers, the limit$/);
  assert.deepEqual(bob.consume("q"), { kind: "subscribed" }, "again is no more");
  second.disconnect();
  assert.deepEqual(third.consume("q"), { kind: "subscribed" });
});

Deno.test("a queue's name leaves room for that of its dead-letter queue, to the byte", () => {
  const [driver, alice, bob] = bound();
  const longest = "q".repeat(250);
  assert.match(refusalText(alice.declare(`${longest}q`)), /no room for .* dead-letter queue/);
  alice.bind(longest, "x", "long");
  alice.publishAll(["1"], { key: "long" });
  bob.fetch(longest);
  bob.reject("1");
  assert.deepEqual(alice.declare(`${longest}.dead`), { kind: "queue_declared" });
  assert.equal(bob.deadLetters(longest).length, 1);
  const other = driver.connect("alice");
  assert.deepEqual(other.declare(`${"r".repeat(250)}.dead`), { kind: "queue_declared" });
});

Deno.test("unbinding ends routing by this key only, is fine when nothing was bound, and lasts", () => {
  const [driver, alice] = bound();
  bindKey(alice, "k2");
  assert.deepEqual(unbind(alice), { kind: "queue_unbound" });
  const changes = driver.changes.length;
  assert.deepEqual(unbind(alice), { kind: "queue_unbound" });
  assert.equal(driver.changes.length, changes);
  for (let restarts = 0; restarts < 2; restarts++) {
    const client = driver.connect("alice");
    assert.equal(refusal(client.publish(`k${restarts}`)), "unroutable");
    client.publishAll([`k2${restarts}`], { key: "k2" });
    assert.equal(client.stats().total_bindings, 1);
    driver.restart();
  }
});

Deno.test("unbinding and binding need both the queue and the exchange", () => {
  const [, alice] = bound();
  for (const [queue, exchange] of [["none", "x"], ["q", "none"]]) {
    assert.equal(refusal(unbind(alice, queue, exchange)), "not_found");
    assert.equal(refusal(bindKey(alice, "k", queue, exchange)), "not_found");
  }
});

Deno.test("a queue with messages or consumers is deleted with force only", () => {
  const [driver, alice, bob] = bound();
  bob.consume("q");
  alice.publishAll(["1"], { to: "carol" });
  const changes = driver.changes.length;
  const text = "queue 'q' has 1 messages and 1 consumers; add force to delete it all the same";
  assert.equal(refusalText(deleteQueue(alice, "q")), text);
  assert.equal(refusal(deleteQueue(alice, "q")), "conflict");
  const carol = driver.connect("carol");
  carol.fetch("q");
  carol.ackAll(["1"]);
  assert.match(refusalText(deleteQueue(alice, "q")), /0 messages and 1 consumers/);
  bob.disconnect();
  assert.equal(driver.changes.length, changes + 1, "only the ack was stored");
  assert.deepEqual(deleteQueue(alice, "q"), DELETED);
  assert.equal(refusal(deleteQueue(alice, "q")), "not_found");
});

Deno.test("a leased message counts: its queue is deleted with force only", () => {
  const [driver, alice, bob] = bound();
  alice.publishAll(["1"]);
  bob.fetch("q");
  assert.equal(refusal(deleteQueue(alice, "q")), "conflict");
  assert.deepEqual(deleteQueue(alice, "q", true), DELETED);
  driver.tick(100_000);
  bob.disconnect();
  assert.deepEqual(driver.connect("bob").stats().queues, []);
});

Deno.test("a deleted queue's consumers, leases and bindings are gone", () => {
  const [driver, alice, bob] = bound({}, { maxConsumersPerConnection: 1, maxPrefetch: 256 });
  alice.publishAll(["1", "2", "3"]);
  bob.consume("q", 2);
  const other = driver.connect("bob");
  other.fetch("q");
  assert.deepEqual(deleteQueue(alice, "q", true), DELETED);
  assert.equal(refusal(alice.publish("4")), "unroutable");
  const { consumers, total_bindings, queues } = alice.stats();
  assert.deepEqual([consumers, total_bindings, queues], [[], 0, []]);
  for (const client of [bob, other]) {
    for (const id of ["1", "2", "3"]) {
      assert.equal(refusal(client.ack(id)), "not_found");
      assert.equal(refusal(client.nack(id)), "not_found");
      assert.equal(refusal(client.touch(id)), "not_found");
    }
  }
  bob.drained();
  driver.tick(100_000);
  alice.bind("q");
  alice.publishAll(["5"]);
  assert.deepEqual([bob.takeIds(), other.takeIds()], [["1", "2"], ["3"]]);
  assert.deepEqual(bob.consume("q"), { kind: "subscribed" }, "its old subscription takes no room");
  assert.deepEqual(bob.takeIds(), ["5"]);
  bob.disconnect();
  assert.deepEqual(driver.connect("bob").stats().queues, [["q", 1]]);
});

Deno.test("what waited in a deleted queue neither expires nor comes back with the queue", () => {
  const [driver, alice] = bound({ ttlMs: 10 });
  alice.publishAll(["1"]);
  deleteQueue(alice, "q", true);
  alice.bind("q", "x", "k", { ttlMs: 10 });
  driver.tick(10);
  const { expired, dead_lettered, queues } = alice.stats();
  assert.deepEqual([expired, dead_lettered, queues], [0, 0, [["q", 0]]]);
});

Deno.test("ids of a deleted queue are duplicates still, also after a restart", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1"]);
  deleteQueue(alice, "q", true);
  alice.bind("q");
  for (let restarts = 0; restarts < 2; restarts++) {
    const client = driver.connect("alice");
    client.publishAll(["1"]);
    assert.equal(refusal(client.publish("1", { body: "other" })), "conflict");
    assert.deepEqual(client.stats().queues, [["q", 0]]);
    driver.restart();
  }
});

Deno.test("a queue that is declared again never uses a place again, and starts with its defaults", () => {
  for (const restarts of ["never", "before", "after"]) {
    const [driver, alice] = bound({ maxMessages: 2 });
    alice.publishAll(["1", "2"]);
    deleteQueue(alice, "q", true);
    if (restarts === "before") driver.restart();
    driver.connect("alice").bind("q");
    if (restarts === "after") driver.restart();
    driver.connect("alice").publishAll(["3", "4", "5"]);
    const places = driver.changes.flatMap((change) =>
      change.kind === "enqueued" ? [change.message.seq] : []
    );
    assert.deepEqual(places, [0, 1, 2, 3, 4], restarts);
    const bob = driver.connect("bob");
    bob.consume("q");
    assert.deepEqual(bob.takeIds(), ["3", "4", "5"]);
  }
});

Deno.test("deleting a queue leaves what the same publish brought to another one", () => {
  const [, alice, bob] = bound();
  alice.bind("q2");
  alice.publishAll(["1"]);
  bob.fetch("q");
  bob.fetch("q2");
  deleteQueue(alice, "q", true);
  bob.ackAll(["1"]);
  assert.deepEqual(bob.stats().queues, [["q2", 0]]);
});

Deno.test("an exchange with bindings is deleted with force only, and its bindings with it", () => {
  const [driver, alice] = bound();
  alice.bind("q2", "x2", "k");
  const text = "exchange 'x' has 1 bindings; add force to delete it all the same";
  assert.equal(refusalText(deleteExchange(alice, "x")), text);
  assert.deepEqual(deleteExchange(alice, "x", true), { kind: "exchange_deleted" });
  assert.equal(refusal(deleteExchange(alice, "x", true)), "not_found");
  assert.equal(refusal(alice.publish("1")), "not_found");
  driver.restart();
  const again = driver.connect("alice");
  assert.equal(refusal(again.publish("1")), "not_found");
  again.send({ kind: "declare_exchange", exchange: "x", exchangeKind: "fanout" });
  assert.equal(refusal(again.publish("1")), "unroutable", "it has no old binding");
  assert.equal(again.stats().total_bindings, 1);
  unbind(again, "q2", "x2");
  assert.deepEqual(deleteExchange(again, "x2"), { kind: "exchange_deleted" });
});

Deno.test("purging removes what waits and leaves what is delivered", () => {
  const [driver, alice, bob] = bound();
  alice.publishAll(["1", "2", "3"]);
  alice.publishAll(["4"], { to: "carol" });
  bob.fetch("q");
  bob.fetch("q");
  bob.nack("2");
  assert.deepEqual(purge(alice, "q"), { kind: "queue_purged", count: 3 });
  assert.deepEqual(purge(alice, "q"), { kind: "queue_purged", count: 0 });
  assert.deepEqual(bob.stats().queues, [["q", 1]]);
  assert.equal(refusal(bob.ack("2")), "not_found", "a late ack finds nothing");
  bob.nack("1");
  driver.restart();
  const again = driver.connect("bob");
  again.consume("q");
  assert.deepEqual(again.takeIds(), ["1"]);
  driver.connect("alice").publishAll(["2", "3"]);
  assert.deepEqual(again.take(), [], "purged ids are duplicates");
});

Deno.test("a purge removes a bounded number of messages and of bytes, and says how many", () => {
  const [, alice] = bound();
  const purge = () => alice.send({ kind: "purge", queue: "q", force: false });
  for (let n = 0; n < 10_001; n++) alice.publish(`m${n}`);
  for (const count of [10_000, 1, 0]) {
    assert.deepEqual(purge(), { kind: "queue_purged", count });
  }
  alice.publishAll(["1", "2", "3", "4", "5"], { body: "x".repeat(3 * 1024 * 1024) });
  for (const count of [3, 2, 0]) assert.deepEqual(purge(), { kind: "queue_purged", count });
  assert.deepEqual(alice.stats().queues, [["q", 0]]);
});

Deno.test("a queue with consumers, or of dead letters, is purged with force only", () => {
  const [, alice, bob] = bound();
  alice.publishAll(["1", "2"]);
  bob.fetch("q");
  bob.reject("1");
  bob.consume("q", 1);
  const text = "queue 'q' has 1 consumers; add force to purge it all the same";
  assert.equal(refusalText(purge(alice, "q")), text);
  assert.match(
    refusalText(purge(alice, "q.dead")),
    /^queue 'q.dead' holds dead letters; add force/,
  );
  assert.equal(refusal(purge(alice, "q")), "conflict");
  assert.deepEqual(purge(alice, "q", true), { kind: "queue_purged", count: 0 });
  assert.deepEqual(purge(alice, "q.dead", true), { kind: "queue_purged", count: 1 });
  assert.equal(refusal(purge(alice, "none", true)), "not_found");
});

Deno.test("purging an expiring message leaves nothing to expire", () => {
  const [driver, alice] = bound({ ttlMs: 10 });
  alice.publishAll(["1"]);
  purge(alice, "q");
  driver.tick(10);
  assert.deepEqual([alice.stats().queues, alice.stats().expired], [[["q", 0]], 0]);
});
