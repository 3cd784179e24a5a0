/**
 * What `stats` counts, and what `reset_stats` forgets.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CoreDriver, refusal } from "../support/core_driver.ts";

Deno.test("stats count messages, consumers, connections, topology and times in seconds", () => {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("q");
  alice.bind("empty", "x2", "k");
  alice.publishAll(["1", "1", "2", "3"]);
  driver.wait(1000);
  const bob = driver.connect("bob");
  bob.consume("q", 2);
  driver.wait(500);
  bob.ackAll(["1", "1"]);
  driver.answered(3, 10);
  driver.answered(1, 50);
  assert.deepEqual(alice.stats(), {
    queues: [["q", 2], ["empty", 0]],
    consumers: [["q", 1]],
    message_status_counts: { sent: 3, delivered: 3, acknowledged: 1 },
    total_exchanges: 2,
    total_bindings: 2,
    connected_clients: 2,
    request_times_avg_seconds: 0.02,
    avg_publish_to_ack_seconds: 1.5,
    avg_delivery_to_ack_seconds: 0.5,
    remembered_ids: 3,
    ids_forgotten_early: 0,
    duplicates: 1,
    redelivered: 0,
    dead_lettered: 0,
    expired: 0,
    refused_full: 0,
    refused_limit: 0,
    refused_connections: 0,
  });
});

Deno.test("every refusal because of a limit is counted, publishes by themselves", () => {
  const one = { maxExchanges: 1, maxQueues: 1, maxBindings: 1, maxKeys: 1, maxPrefetch: 1 };
  const driver = new CoreDriver({
    ...{ ...one, defaultPrefetch: 1, maxConsumersPerQueue: 1, maxConsumersPerConnection: 0 },
    ...{ maxQueueMessages: 2, maxQueueBytes: 100 },
  });
  const bob = driver.connect("bob");
  const register = (client: string) =>
    bob.send({ kind: "register_key", client, key: new Uint8Array(32) });
  bob.bind("q");
  bob.publishAll(["1", "2"]);
  bob.fetch("q");
  register("bob");
  const attempts: [string, () => unknown][] = [
    [
      "exchanges",
      () => bob.send({ kind: "declare_exchange", exchange: "y", exchangeKind: "direct" }),
    ],
    ["queues", () => bob.declare("other")],
    ["a queue's name", () => bob.declare("n".repeat(251))],
    ["messages of a queue", () => bob.declare("q", { maxMessages: 3 })],
    ["bytes of a queue", () => bob.declare("q", { maxBytes: 101 })],
    ["bindings", () => bob.send({ kind: "bind", queue: "q", exchange: "x", routingKey: "other" })],
    ["keys", () => register("carol")],
    ["consumers of a connection", () => bob.consume("q")],
    ["what a connection fetches", () => bob.fetch("q")],
  ];
  for (const [count, [what, attempt]] of attempts.entries()) {
    assert.equal((attempt() as { code?: string }).code, "limit", what);
    assert.equal(bob.stats().refused_limit, count + 1, what);
  }
  assert.equal(bob.stats().refused_full, 0);
  assert.equal(refusal(bob.publish("3")), "limit");
  assert.equal(refusal(bob.publish("3", { body: "x".repeat(101) })), "limit");
  assert.equal(refusal(bob.publish("3", { key: "none" })), "unroutable");
  assert.deepEqual([bob.stats().refused_full, bob.stats().refused_limit], [2, attempts.length]);
  bob.send({ kind: "reset_stats" });
  assert.deepEqual([bob.stats().refused_full, bob.stats().refused_limit], [0, 0]);
});

Deno.test("a late ack counts from its publish, not from a delivery that ended", () => {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  bob.bind("q");
  bob.publishAll(["1"]);
  bob.fetch("q");
  bob.disconnect();
  driver.wait(2000);
  const again = driver.connect("bob");
  again.ackAll(["1"]);
  const { avg_publish_to_ack_seconds, avg_delivery_to_ack_seconds } = again.stats();
  assert.deepEqual([avg_publish_to_ack_seconds, avg_delivery_to_ack_seconds], [2, 0]);
});

Deno.test("connections that were refused are counted", () => {
  const driver = new CoreDriver();
  driver.connectionRefused();
  driver.connectionRefused();
  const bob = driver.connect("bob");
  assert.equal(bob.stats().refused_connections, 2);
  bob.send({ kind: "reset_stats" });
  assert.equal(bob.stats().refused_connections, 0);
});

Deno.test("a wall clock that jumps back makes no negative average", () => {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  bob.bind("q");
  bob.publishAll(["1"]);
  bob.fetch("q");
  driver.wallMs -= 5000;
  bob.ackAll(["1"]);
  assert.equal(bob.stats().avg_publish_to_ack_seconds, 0);
});

Deno.test("resetting the stats forgets counts and averages, and nothing of the state", () => {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  bob.bind("q");
  bob.publishAll(["1", "2"]);
  bob.consume("q", 1);
  bob.ackAll(["1"]);
  driver.answered(1, 10);
  assert.deepEqual(bob.send({ kind: "reset_stats" }), { kind: "stats_reset" });
  assert.deepEqual(bob.stats(), {
    queues: [["q", 1]],
    consumers: [["q", 1]],
    message_status_counts: { sent: 0, delivered: 0, acknowledged: 0 },
    total_exchanges: 1,
    total_bindings: 1,
    connected_clients: 1,
    request_times_avg_seconds: 0,
    avg_publish_to_ack_seconds: 0,
    avg_delivery_to_ack_seconds: 0,
    remembered_ids: 2,
    ids_forgotten_early: 0,
    duplicates: 0,
    redelivered: 0,
    dead_lettered: 0,
    expired: 0,
    refused_full: 0,
    refused_limit: 0,
    refused_connections: 0,
  });
});

Deno.test("consumers and connections that end are not counted any more", () => {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("q");
  const bob = driver.connect("bob");
  bob.consume("q");
  bob.disconnect();
  const { consumers, connected_clients } = alice.stats();
  assert.deepEqual([consumers, connected_clients], [[], 1]);
});
