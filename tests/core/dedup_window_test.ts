/**
 * Recognising what was seen before: the window by itself, and a publisher's retries.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DedupWindow } from "../../lib/core/dedup_window.ts";
import { bound, type CoreDriver, refusal, seededRandom } from "../support/core_driver.ts";

function windowOf(horizonMs: number, maxIds: number): DedupWindow {
  return new DedupWindow({ horizonMs, maxIds, random: seededRandom() });
}

Deno.test("a window recalls every id for its horizon, and for no other owner", () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom("alice", "bob"), fc.nat(30), fc.nat(300)),
    { minLength: 50, maxLength: 150 },
  );
  fc.assert(fc.property(steps, (all) => {
    const window = windowOf(1000, 1_000_000);
    const model = new Map<string, readonly [value: number, atMs: number]>();
    let nowMs = 5_000;
    for (const [value, [owner, id, waitMs]] of all.entries()) {
      nowMs += waitMs;
      window.remember(owner, `id-${id}`, value, nowMs);
      model.set(`${owner} id-${id}`, [value, nowMs]);
      for (const [name, [value, atMs]] of model) {
        const [owner, id] = name.split(" ") as [string, string];
        const recalled = window.recall(owner, id);
        if (nowMs - atMs <= 1000) assert.equal(recalled, value, name);
        else if (nowMs - atMs >= 2300) assert.equal(recalled, undefined, `${name} is long past`);
        else assert(recalled === undefined || recalled === value, name);
      }
      assert.equal(window.recall("carol", `id-${id}`), undefined);
    }
  }));
});

Deno.test("a generation turns when the horizon has passed, not a millisecond before", () => {
  const window = windowOf(1000, 100);
  window.remember("a", "first", 1, 0);
  window.remember("a", "999", 2, 999);
  window.remember("a", "1000", 3, 1000);
  window.remember("a", "1999", 4, 1999);
  assert.deepEqual(["first", "999", "1000"].map((id) => window.recall("a", id)), [1, 2, 3]);
  window.remember("a", "2000", 5, 2000);
  assert.deepEqual(["first", "999"].map((id) => window.recall("a", id)), [undefined, undefined]);
  assert.deepEqual(["1000", "1999", "2000"].map((id) => window.recall("a", id)), [3, 4, 5]);
  assert.equal(window.size, 3);
});

Deno.test("after a pause of twice the horizon nothing is left of what was before", () => {
  const window = windowOf(1000, 100);
  window.remember("a", "old", 1, 0);
  window.remember("a", "young", 2, 999);
  window.remember("a", "new", 3, 2000);
  assert.deepEqual(["old", "young", "new"].map((id) => window.recall("a", id)), [
    undefined,
    undefined,
    3,
  ]);
});

Deno.test("a window holds at most its number of ids and always the younger half of it", () => {
  const window = windowOf(1000, 10);
  for (let n = 1; n <= 100; n++) {
    window.remember("a", `id-${n}`, n, 0);
    assert(window.size <= 10, `${window.size} ids`);
    for (let back = 0; back < 5 && back < n; back++) {
      assert.equal(window.recall("a", `id-${n - back}`), n - back);
    }
  }
  assert.equal(window.recall("a", "id-90"), undefined);
});

Deno.test("ids that are forgotten before their horizon for want of room are counted, others are not", () => {
  const window = windowOf(1000, 4);
  for (const [n, atMs] of [0, 10, 20, 30].entries()) window.remember("a", `${n}`, 0, atMs);
  assert.equal(window.forgottenEarly, 0, "there is room for four");
  window.remember("a", "4", 0, 40);
  assert.equal(window.forgottenEarly, 2);
  window.remember("a", "5", 0, 2_000);
  window.remember("a", "6", 0, 4_000);
  assert.equal(window.forgottenEarly, 2, "these were old enough");
});

Deno.test("the first moment that is remembered is that of the oldest id, however the clock went", () => {
  const window = windowOf(1_000_000, 10);
  assert.equal(window.firstMs, -Infinity);
  const firsts = [5_000, 6_000, 4_000, 7_000, 8_000, 3_000, 9_000].flatMap((wallMs, step) => {
    for (let n = 0; n < 5; n++) window.remember("a", `${step} ${n}`, n, wallMs + n);
    return [window.firstMs];
  });
  // Five ids fill a generation, and two generations are remembered.
  assert.deepEqual(firsts, [5_000, 5_000, 4_000, 4_000, 7_000, 3_000, 3_000]);
});

Deno.test("a clock that jumps back forgets nothing", () => {
  const window = windowOf(1000, 100);
  window.remember("a", "1", 1, 10_000);
  window.remember("a", "2", 2, 1_000);
  window.remember("a", "3", 3, 3_000);
  assert.deepEqual(["1", "2", "3"].map((id) => window.recall("a", id)), [1, 2, 3]);
});

function stored(driver: CoreDriver): number {
  return driver.changes.filter(({ kind }) => kind === "enqueued").length;
}

const accepted = { kind: "accepted", id: "1" };

Deno.test("the same id with the same content is accepted again and stored once", () => {
  const [driver, alice] = bound();
  assert.deepEqual(alice.publish("1"), accepted);
  const bob = driver.connect("bob");
  bob.consume("q");
  for (const connection of [alice, driver.connect("alice")]) {
    assert.deepEqual(connection.publish("1"), accepted);
  }
  bob.ackAll(["1"]);
  assert.deepEqual(alice.publish("1"), accepted, "also after its ack");
  assert.equal(stored(driver), 1);
  assert.deepEqual(bob.takeIds(), ["1"]);
});

Deno.test("the same id with another content is a conflict, and nothing of it is stored", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1"]);
  const answer = alice.publish("1", { body: "Text" });
  assert.equal(refusal(answer), "conflict");
  assert(answer?.kind === "refused" && answer.id === "1");
  assert.equal(stored(driver), 1);
  assert.deepEqual(alice.publish("1"), accepted, "the first one stands");
  const bob = driver.connect("bob");
  bob.consume("q");
  assert.deepEqual(bob.take().map(({ body }) => body), ["text"]);
});

Deno.test("a retry is accepted whatever became of the bindings and the exchange it names", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1"]);
  alice.bind("q2");
  assert.deepEqual(alice.publish("1"), accepted);
  assert.deepEqual(alice.publish("1", { exchange: "none" }), accepted);
  assert.deepEqual(alice.publish("1", { key: "none" }), accepted);
  assert.equal(stored(driver), 1);
  assert.deepEqual(alice.stats().queues, [["q", 1], ["q2", 0]]);
});

Deno.test("a restart forgets no id: neither of a waiting message nor of an acknowledged one", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1", "2"]);
  const bob = driver.connect("bob");
  bob.fetch("q");
  bob.ackAll(["1"]);
  for (let restarts = 0; restarts < 2; restarts++) {
    driver.restart();
    const again = driver.connect("alice");
    again.publishAll(["1", "2"]);
    for (const id of ["1", "2"]) {
      assert.equal(refusal(again.publish(id, { body: "other" })), "conflict");
    }
    assert.deepEqual(again.stats().queues, [["q", 1]]);
  }
  assert.equal(stored(driver), 2);
});

Deno.test("another publisher's same id is another message, whichever came first", () => {
  const [driver, alice] = bound();
  const mallory = driver.connect("mallory");
  assert.deepEqual(mallory.publish("1", { body: "forged" }), accepted);
  assert.deepEqual(alice.publish("1"), accepted);
  assert.deepEqual(mallory.publish("1", { body: "forged" }), accepted);
  assert.equal(stored(driver), 2);
  const bob = driver.connect("bob");
  bob.consume("q");
  assert.deepEqual(bob.take().map(({ publisher, body }) => [publisher, body]), [
    ["mallory", "forged"],
    ["alice", "text"],
  ]);
});

Deno.test("an id is remembered for the horizon from when it was accepted, across a restart", () => {
  const [driver, alice] = bound({}, { duplicateHorizonMs: 1000 });
  alice.publishAll(["1"]);
  driver.wait(999);
  alice.publishAll(["1", "2"]);
  driver.restart();
  const again = driver.connect("alice");
  again.publishAll(["1"]);
  assert.equal(stored(driver), 2);
  driver.wait(1001);
  again.publishAll(["3"]);
  assert.deepEqual(again.publish("1", { body: "new" }), accepted, "long past");
  assert.equal(stored(driver), 4);
});
