/**
 * Topology: declaring, binding, and which queues take a message.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Exchange, type ExchangeKind } from "../../lib/core/exchange.ts";
import { CoreDriver, refusal } from "../support/core_driver.ts";

const declareExchange = {
  kind: "declare_exchange",
  exchange: "x",
  exchangeKind: "direct",
} as const;

Deno.test("declaring an exchange or a queue again is fine and changes nothing", () => {
  const driver = new CoreDriver();
  const client = driver.connect("alice");
  const inputs = [declareExchange, { kind: "declare_queue", queue: "q" }] as const;
  const first = inputs.map((input) => client.send(input));
  assert.deepEqual(first, [{ kind: "exchange_declared" }, { kind: "queue_declared" }]);
  const changes = driver.changes.length;
  assert.equal(changes, 2);
  assert.deepEqual(inputs.map((input) => driver.connect("bob").send(input)), first);
  assert.equal(driver.changes.length, changes);
});

Deno.test("declaring an exchange as another kind is a conflict and leaves it as it was", () => {
  const driver = new CoreDriver();
  const client = driver.connect("alice");
  client.send(declareExchange);
  // No other kind exists yet; a client's word must still not change one that does.
  const exchangeKind = "other" as ExchangeKind;
  assert.equal(refusal(client.send({ ...declareExchange, exchangeKind })), "conflict");
  assert.deepEqual(client.send(declareExchange), { kind: "exchange_declared" });
  assert.equal(driver.changes.length, 1);
});

Deno.test("an exchange and a queue may have the same name", () => {
  const client = new CoreDriver().connect("bob");
  client.bind("x", "x", "x");
  client.publishAll(["1"], { key: "x" });
  client.consume("x");
  assert.deepEqual(client.takeIds(), ["1"]);
});

Deno.test("binding needs an exchange and a queue that exist", () => {
  const driver = new CoreDriver();
  const client = driver.connect("alice");
  const bind = { kind: "bind", queue: "q", exchange: "x", routingKey: "k" } as const;
  client.send({ kind: "declare_queue", queue: "q" });
  assert.equal(refusal(client.send(bind)), "not_found");
  client.send(declareExchange);
  assert.equal(refusal(client.send({ ...bind, queue: "none" })), "not_found");
  assert.equal(client.stats().total_bindings, 0);
  assert.deepEqual(client.send(bind), { kind: "queue_bound" });
});

Deno.test("a binding that is there already is answered and neither stored nor counted twice", () => {
  const driver = new CoreDriver();
  const client = driver.connect("bob");
  client.bind("q");
  const changes = driver.changes.length;
  client.bind("q");
  assert.equal(driver.changes.length, changes);
  assert.equal(client.stats().total_bindings, 1);
  client.publishAll(["1"]);
  client.consume("q");
  assert.deepEqual(client.takeIds(), ["1"]);
});

Deno.test("a direct exchange routes by the exact key, to each bound queue once", () => {
  const exchange = new Exchange("x", "direct");
  assert(exchange.bind("a", "k"));
  assert(exchange.bind("b", "k"));
  assert(exchange.bind("a", "k.2"));
  assert(!exchange.bind("a", "k"));
  assert.deepEqual([...exchange.route("k")], ["a", "b"]);
  assert.deepEqual([...exchange.route("k.2")], ["a"]);
  for (const key of ["K", "k.", "", "*", "#", "k.*"]) assert.equal(exchange.route(key).size, 0);
  assert.equal(exchange.bindings, 3);
});

Deno.test("publishing to an exchange that is not there is refused with the id, nothing stored", () => {
  const driver = new CoreDriver();
  const client = driver.connect("bob");
  const answer = client.publish("1");
  assert.equal(refusal(answer), "not_found");
  assert(answer?.kind === "refused" && answer.id === "1");
  assert.deepEqual(driver.changes, []);
});

Deno.test("a message that no queue takes is refused with its id, stored nowhere and not remembered", () => {
  const driver = new CoreDriver();
  const client = driver.connect("bob");
  client.bind("q");
  const changes = driver.changes.length;
  const answer = client.publish("1", { key: "K" });
  assert.equal(refusal(answer), "unroutable");
  assert(answer?.kind === "refused" && answer.id === "1");
  assert.equal(driver.changes.length, changes);
  const { queues, remembered_ids, message_status_counts } = client.stats();
  assert.deepEqual([queues, remembered_ids, message_status_counts.sent], [[["q", 0]], 0, 0]);
  // The same id may be used for what can be routed, even with another content.
  assert.deepEqual(client.publish("1", { body: "other" }), { kind: "accepted", id: "1" });
});

Deno.test("a queue bound under two keys takes what has either key, each message once", () => {
  const client = new CoreDriver().connect("bob");
  client.bind("q", "x", "k");
  client.bind("q", "x", "l");
  client.publishAll(["1"], { key: "k" });
  client.publishAll(["2"], { key: "l" });
  client.consume("q");
  assert.deepEqual(client.takeIds(), ["1", "2"]);
});
