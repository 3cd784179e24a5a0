/**
 * Who gets a queue's messages, and in which order.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { defaultQueueOptions } from "../../lib/base/queue_options.ts";
import { Message } from "../../lib/core/message.ts";
import { Queue } from "../../lib/core/queue.ts";
import { type CoreClient, CoreDriver, refusal } from "../support/core_driver.ts";

function bound(...queues: string[]): [CoreDriver, CoreClient] {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  for (const queue of queues) alice.bind(queue);
  return [driver, alice];
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

Deno.test("a message goes only to a consumer whose identity it is addressed to", () => {
  const [driver, alice] = bound("q");
  const mallory = driver.connect("mallory");
  mallory.consume("q");
  alice.consume("q");
  alice.publishAll(["1", "2"]);
  assert.deepEqual(mallory.fetch("q"), { kind: "no_messages" });
  assert.deepEqual([mallory.take(), alice.take()], [[], []]);
  const bob = driver.connect("bob");
  bob.consume("q", 1);
  assert.deepEqual(bob.takeIds(), ["1"]);
  bob.disconnect();
  assert.deepEqual([mallory.take(), alice.take()], [[], []], "redelivery goes to nobody else");
  assert.deepEqual(mallory.fetch("q"), { kind: "no_messages" });
  const again = driver.connect("bob");
  again.consume("q");
  assert.deepEqual(again.takeIds(), ["1", "2"]);
});

Deno.test("a receiver that is away does not block another one in the same queue", () => {
  const [driver, alice] = bound("q");
  alice.publishAll(numbers(1, 50), { to: "absent" });
  const carol = driver.connect("carol");
  carol.consume("q", 1);
  alice.publishAll(["51", "52"], { to: "carol" });
  assert.deepEqual(carol.takeIds(), ["51"]);
  carol.ackAll(["51"]);
  assert.deepEqual(carol.takeIds(), ["52"]);
});

Deno.test("consumers of one identity take turns", () => {
  const [driver, alice] = bound("q");
  const consumers = [1, 2, 3].map(() => driver.connect("bob"));
  for (const consumer of consumers) consumer.consume("q");
  alice.publishAll(numbers(1, 9));
  assert.deepEqual(consumers.map((one) => one.takeIds()), [
    ["1", "4", "7"],
    ["2", "5", "8"],
    ["3", "6", "9"],
  ]);
});

Deno.test("a consumer without credit is passed over, and has its turns again when it acks", () => {
  const [driver, alice] = bound("q");
  const small = driver.connect("bob");
  const large = driver.connect("bob");
  small.consume("q", 1);
  large.consume("q", 100);
  alice.publishAll(numbers(1, 5));
  assert.deepEqual([small.takeIds(), large.takeIds()], [["1"], ["2", "3", "4", "5"]]);
  small.ackAll(["1"]);
  alice.publishAll(["6", "7"]);
  const got = [small.takeIds(), large.takeIds()];
  assert.deepEqual(got.map((ids) => ids.length), [1, 1]);
});

Deno.test("a waiting backlog is shared by credit, not taken by who comes first", () => {
  const [driver, alice] = bound("q");
  const consumers = [1, 2].map(() => driver.connect("bob"));
  for (const consumer of consumers) consumer.consume("q", 2);
  alice.publishAll(numbers(1, 20));
  const counts = [0, 0];
  for (let round = 0; round < 10; round++) {
    consumers.forEach((consumer, i) => {
      const ids = consumer.takeIds();
      counts[i]! += ids.length;
      consumer.ackAll(ids);
    });
  }
  assert.deepEqual(counts, [10, 10]);
  assert.deepEqual(alice.stats().queues, [["q", 0]]);
});

Deno.test("a connection that consumes twice from a queue is one consumer with its first credit", () => {
  const [driver, alice] = bound("q");
  const bob = driver.connect("bob");
  assert.deepEqual(bob.consume("q", 1), { kind: "subscribed" });
  assert.deepEqual(bob.consume("q", 100), { kind: "subscribed" });
  alice.publishAll(["1", "2"]);
  assert.deepEqual(bob.takeIds(), ["1"]);
  assert.deepEqual(bob.stats().consumers, [["q", 1]]);
});

Deno.test("consuming and fetching need a queue that exists", () => {
  const bob = new CoreDriver().connect("bob");
  assert.equal(refusal(bob.consume("none")), "not_found");
  assert.equal(refusal(bob.fetch("none")), "not_found");
});

Deno.test("a consumer gets its own queue's messages only", () => {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  bob.bind("q1", "x", "1");
  bob.bind("q2", "x", "2");
  bob.publishAll(["a"], { key: "1" });
  bob.publishAll(["b"], { key: "2" });
  bob.consume("q2");
  assert.deepEqual(bob.takeIds(), ["b"]);
  assert.deepEqual(bob.fetch("q2"), { kind: "no_messages" });
});

Deno.test("fetch leases the oldest message, to be acknowledged like any other", () => {
  const [driver, alice] = bound("q");
  alice.publishAll(["1", "2"]);
  const bob = driver.connect("bob");
  assert.equal(bob.fetch("q"), undefined, "the message is the answer");
  assert.deepEqual(bob.take(), [
    { queue: "q", id: "1", publisher: "alice", body: "text", deliveries: 1, fetched: true },
  ]);
  const other = driver.connect("bob");
  other.fetch("q");
  assert.deepEqual(other.takeIds(), ["2"]);
  assert.deepEqual(other.fetch("q"), { kind: "no_messages" });
  bob.ackAll(["1"]);
  other.disconnect();
  bob.fetch("q");
  assert.deepEqual(bob.take().map(({ id, deliveries }) => [id, deliveries]), [["2", 2]]);
  bob.ackAll(["2"]);
  assert.deepEqual(bob.stats().queues, [["q", 0]]);
});

Deno.test("fetching takes no credit of a consumer and gives none back", () => {
  const [driver, alice] = bound("q", "q2");
  const bob = driver.connect("bob");
  bob.consume("q", 1);
  alice.publishAll(["1", "2", "3"]);
  assert.deepEqual(bob.takeIds(), ["1"]);
  bob.fetch("q");
  assert.deepEqual(bob.takeIds(), ["2"]);
  bob.ackAll(["2"]);
  assert.deepEqual(bob.takeIds(), [], "credit is still spent");
  bob.ackAll(["1"]);
  assert.deepEqual(bob.takeIds(), ["3"]);
});

Deno.test("first deliveries keep publish order per publisher connection and queue", () => {
  const [driver, alice] = bound("q1", "q2");
  const other = driver.connect("alice");
  const carol = driver.connect("carol");
  const bob = driver.connect("bob");
  bob.consume("q1", 2);
  for (let i = 0; i < 10; i++) {
    alice.publishAll([`a${i}`]);
    if (i % 2 === 0) carol.publishAll([`c${i}`]);
    other.publishAll([`o${i}`]);
  }
  bob.consume("q2", 3);
  const seen: Record<string, string[]> = { q1: [], q2: [] };
  for (let got = bob.take(); got.length > 0; got = bob.take()) {
    for (const { queue, id } of got) seen[queue]!.push(id);
    bob.ackAll(got.map(({ id }) => id));
  }
  for (const ids of Object.values(seen)) {
    assert.equal(ids.length, 25);
    for (const publisher of ["a", "c", "o"]) {
      const own = ids.filter((id) => id.startsWith(publisher));
      assert.deepEqual(own, own.toSorted());
    }
  }
});

Deno.test("a queue forgets messages that leave while nobody takes any", () => {
  const queue = new Queue("q", {}, defaultQueueOptions(DEFAULT_LIMITS));
  for (let n = 0; n < 5_000; n++) {
    const facts = { id: `${n}`, publisher: "a", size: 1, checksum: 0, expiresMs: 0 };
    const place = { ...queue.next("bob"), exchange: "x", routingKey: "k" };
    const message = new Message({ ...place, ...facts }, 0);
    queue.append(message);
    queue.remove(message);
  }
  assert.deepEqual([queue.messages, queue.bytes], [0, 0]);
  assert(queue.lane("bob").length < 2_500, `${queue.lane("bob").length} are kept`);
});
