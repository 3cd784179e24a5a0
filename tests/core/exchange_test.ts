/**
 * Topology: declaring, binding, and which queues take a message.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Binding,
  Exchange,
  type ExchangeKind,
  isExchangeKind,
} from "../../lib/core/exchange.ts";
import { CoreDriver, refusal } from "../support/core_driver.ts";
import { matchesTopic } from "../support/topic_rule.ts";

const KINDS: readonly ExchangeKind[] = ["direct", "topic", "fanout"];

const declareExchange = {
  kind: "declare_exchange",
  exchange: "x",
  exchangeKind: "direct",
} as const;

Deno.test("declaring an exchange or a queue again is fine and changes nothing", () => {
  const driver = new CoreDriver();
  const client = driver.connect("alice");
  const inputs = [declareExchange, { kind: "declare_queue", queue: "q", options: {} }] as const;
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
  assert.equal(refusal(client.send({ ...declareExchange, exchangeKind: "topic" })), "conflict");
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
  client.send({ kind: "declare_queue", queue: "q", options: {} });
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

Deno.test("each kind of exchange has its name, and nothing else is a kind", () => {
  for (const kind of KINDS) {
    assert(isExchangeKind(kind));
    assert.equal(new Exchange("x", kind).kind, kind);
  }
  for (const other of ["headers", "Direct", "", "toString"]) assert(!isExchangeKind(other), other);
});

Deno.test("a direct exchange routes by the exact key, a topic one by patterns, a fanout one to all", () => {
  const routes = KINDS.map((kind) => {
    const exchange = new Exchange("x", kind);
    for (const key of ["a.b", "a.*", "#", "c"]) exchange.bind(`q ${key}`, key);
    return [...exchange.route("a.b")];
  });
  assert.deepEqual(routes, [["q a.b"], ["q a.b", "q a.*", "q #"], [
    "q a.b",
    "q a.*",
    "q #",
    "q c",
  ]]);
});

Deno.test("a queue has several bindings, each of which is made once and undone once", () => {
  for (const kind of KINDS) {
    const exchange = new Exchange("x", kind);
    assert(exchange.bind("q", "a") && exchange.bind("q", "b") && exchange.bind("r", "a"));
    assert(!exchange.bind("q", "a"));
    assert.equal(exchange.bindings, 3);
    assert(exchange.unbind("q", "a"));
    assert(
      !exchange.unbind("q", "a") && !exchange.unbind("none", "a") && !exchange.unbind("r", "b"),
    );
    assert.deepEqual([...exchange], [{ queue: "q", routingKey: "b" }, {
      queue: "r",
      routingKey: "a",
    }]);
    assert.equal(exchange.bindings, 2);
    assert(exchange.bind("q", "a"));
  }
});

Deno.test("bindings are listed by queue, in the order in which these were bound first", () => {
  const exchange = new Exchange("x", "topic");
  for (const [queue, key] of [["q", "a"], ["r", "b"], ["q", "c"]] as const) {
    exchange.bind(queue, key);
  }
  const listed = () => Array.from(exchange, ({ queue, routingKey }) => `${queue} ${routingKey}`);
  assert.deepEqual(listed(), ["q a", "q c", "r b"]);
  exchange.unbindQueue("q");
  exchange.bind("q", "a");
  assert.deepEqual(listed(), ["r b", "q a"]);
});

Deno.test("a queue that is unbound altogether gives the keys it had, in the order they came", () => {
  for (const kind of KINDS) {
    const exchange = new Exchange("x", kind);
    for (const key of ["b", "#", "a"]) exchange.bind("q", key);
    exchange.bind("r", "a");
    assert.deepEqual(exchange.unbindQueue("q"), ["b", "#", "a"]);
    assert.deepEqual(exchange.unbindQueue("q"), []);
    assert.deepEqual([...exchange.route("a")], ["r"]);
    assert.equal(exchange.bindings, 1);
  }
});

/** Which keys a binding of each kind takes, said as directly as possible. */
const RULES: Record<ExchangeKind, (bound: string, key: string) => boolean> = {
  direct: (bound, key) => bound === key,
  topic: matchesTopic,
  fanout: () => true,
};

const queues = fc.constantFrom("q", "r", "s");
const keys = fc.array(fc.constantFrom("a", "b", "", "*", "*", "#", "#", "#a"), {
  minLength: 1,
  maxLength: 6,
}).map((words) => words.join("."));
const edits = fc.array(
  fc.record({
    what: fc.constantFrom("bind", "bind", "unbind", "unbindQueue"),
    queue: queues,
    key: keys,
  }),
  { maxLength: 30 },
);

/** Does the same to an exchange and to the plain list of its bindings, and compares the answers. */
function edit(exchange: Exchange, list: Binding[], what: string, queue: string, key: string): void {
  const at = list.findIndex((one) => one.queue === queue && one.routingKey === key);
  if (what === "bind") {
    assert.equal(exchange.bind(queue, key), at < 0);
    if (at < 0) list.push({ queue, routingKey: key });
  } else if (what === "unbind") {
    assert.equal(exchange.unbind(queue, key), at >= 0);
    if (at >= 0) list.splice(at, 1);
  } else {
    const gone = list.filter((one) => one.queue === queue);
    assert.deepEqual(exchange.unbindQueue(queue), gone.map((one) => one.routingKey));
    for (const one of gone) list.splice(list.indexOf(one), 1);
  }
}

Deno.test("whatever was bound and unbound, routes are those of a naive matcher over the bindings", () => {
  const asked = fc.array(keys, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), edits, asked, (kind, edits, asked) => {
      const exchange = new Exchange("x", kind);
      const list: Binding[] = [];
      for (const { what, queue, key } of edits) {
        edit(exchange, list, what, queue, key);
        assert.equal(exchange.bindings, list.length);
        for (const wanted of [...asked, key]) {
          const takes = list.filter((one) => RULES[kind](one.routingKey, wanted));
          const expected = new Set(takes.map((one) => one.queue));
          assert.deepEqual([...exchange.route(wanted)].toSorted(), [...expected].toSorted());
        }
      }
      const texts = (all: Iterable<Binding>) => Array.from(all, (one) => JSON.stringify(one));
      assert.deepEqual(texts(exchange).toSorted(), texts(list).toSorted());
    }),
    { numRuns: 500 },
  );
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
