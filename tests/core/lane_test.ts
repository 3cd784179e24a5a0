/**
 * The order of a lane, and what comes back into it.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AssertionError } from "../../lib/base/assert.ts";
import { Lane } from "../../lib/core/lane.ts";
import { Message } from "../../lib/core/message.ts";
import { bound } from "../support/core_driver.ts";

function message(seq: number): Message {
  const head = { queue: "q", receiver: "bob", id: `${seq}`, publisher: "a", size: 1, checksum: 0 };
  return new Message({ ...head, seq, exchange: "x", routingKey: "k", expiresMs: 0 }, 0);
}

Deno.test("a lane gives the oldest that waits, whatever came back and was acknowledged meanwhile", () => {
  const actions = fc.array(
    fc.tuple(fc.constantFrom("append", "take", "return", "late"), fc.nat()),
    {
      minLength: 100,
      maxLength: 300,
    },
  );
  fc.assert(fc.property(actions, (steps) => {
    const lane = new Lane("q", "bob");
    const waiting = new Set<Message>();
    const out: Message[] = [];
    const returned: Message[] = [];
    for (const [action, choice] of steps) {
      if (action === "append") {
        const added = message(lane.nextSeq);
        lane.append(added);
        waiting.add(added);
      } else if (action === "take") {
        const oldest = [...waiting].toSorted((a, b) => a.seq - b.seq)[0];
        assert.equal(lane.peek(), oldest);
        assert.equal(lane.take(), oldest);
        if (oldest === undefined) continue;
        waiting.delete(oldest);
        out.push(oldest);
      } else if (action === "return" && out.length > 0) {
        const [back] = out.splice(choice % out.length, 1);
        lane.giveBack(back!);
        waiting.add(back!);
        returned.push(back!);
      } else if (action === "late" && returned.length > 0) {
        const late = returned[choice % returned.length]!;
        if (waiting.delete(late)) late.removed = true;
      }
    }
    const rest = [...waiting].map(({ seq }) => seq).toSorted((a, b) => a - b);
    assert.deepEqual(rest.map(() => lane.take()!.seq), rest);
    assert.equal(lane.take(), undefined);
  }));
});

Deno.test("a lane goes on after the places that were used before, and takes messages in order only", () => {
  const lane = new Lane("q", "bob");
  lane.continueAt(9);
  lane.continueAt(2);
  lane.append(message(3));
  assert.equal(lane.nextSeq, 9);
  assert.throws(() => lane.append(message(3)), AssertionError);
  lane.append(message(9));
  assert.equal(lane.nextSeq, 10);
  assert.throws(() => lane.append(message(8)), AssertionError);
});

Deno.test("what leaves a lane that nobody takes from is not kept, and the rest stays in order", () => {
  const lane = new Lane("q", "bob");
  const stay = new Set([0, 7, 5_000, 49_999]);
  for (let seq = 0; seq < 50_000; seq++) {
    const added = message(seq);
    lane.append(added);
    if (seq === 7) lane.giveBack(lane.take()!);
    if (stay.has(seq)) continue;
    added.removed = true;
    lane.removed();
    assert(lane.length <= 2 * 1024 + stay.size, `${lane.length} are kept`);
  }
  assert.deepEqual(lane.all().map(({ seq }) => seq), [...stay]);
  for (const seq of stay) assert.equal(lane.take()?.seq, seq);
});

Deno.test("a lane lists what waits in order from a place on, what came back included", () => {
  const lane = new Lane("q", "bob");
  for (let seq = 0; seq < 6; seq++) lane.append(message(seq));
  const out = [lane.take()!, lane.take()!, lane.take()!];
  for (const back of [out[2]!, out[0]!]) lane.giveBack(back);
  const list = (from: number, limit: number) =>
    lane.list(from, limit, (one): one is Message => one.seq !== 4).map(({ seq }) => seq);
  assert.deepEqual(list(0, 9), [0, 2, 3, 5]);
  assert.deepEqual(list(2, 9), [2, 3, 5]);
  assert.deepEqual(list(1, 2), [2, 3]);
  assert.deepEqual(list(6, 9), []);
});

Deno.test("leases return on disconnect to the front, in order, with the number of their deliveries", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1", "2", "3", "4", "5"]);
  const bob = driver.connect("bob");
  bob.consume("q", 4);
  bob.ackAll(["2"]);
  bob.disconnect();
  assert.deepEqual(
    driver.changes.flatMap((change) =>
      change.kind === "returned" ? [[change.message.seq, change.deliveries]] : []
    ),
    [[0, 1], [2, 1], [3, 1], [4, 1]],
  );
  const again = driver.connect("bob");
  again.consume("q", 10);
  assert.deepEqual(again.take().map(({ id, deliveries }) => [id, deliveries]), [
    ["1", 2],
    ["3", 2],
    ["4", 2],
    ["5", 2],
  ]);
});

Deno.test("what returns goes at once to another consumer of the identity, before what is younger", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1", "2", "3", "4"]);
  const bob = driver.connect("bob");
  bob.consume("q", 2);
  const other = driver.connect("bob");
  other.consume("q", 1);
  assert.deepEqual(other.takeIds(), ["3"]);
  bob.disconnect();
  assert.deepEqual(other.take(), [], "credit holds for redelivery as well");
  other.ackAll(["3"]);
  other.ackAll(["1", "2"]);
  assert.deepEqual(other.takeIds(), ["1", "2", "4"]);
});

Deno.test("every return is counted, and a consumer with room has the message at once", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1", "2"]);
  const consumers = [1, 2, 3].map(() => driver.connect("bob"));
  for (const [i, consumer] of consumers.entries()) {
    consumer.consume("q");
    const got = consumer.take().map(({ id, deliveries }) => [id, deliveries]);
    assert.deepEqual(got, i === 0 ? [["1", 1], ["2", 1]] : []);
  }
  consumers[0]!.disconnect();
  const shared = consumers.slice(1).map((one) => one.take().map(({ id }) => id));
  assert.deepEqual(shared, [["1"], ["2"]]);
  consumers[1]!.disconnect();
  assert.deepEqual(consumers[2]!.take().map(({ id, deliveries }) => [id, deliveries]), [["1", 3]]);
  consumers[2]!.disconnect();
  driver.restart();
  const last = driver.connect("bob");
  last.consume("q");
  assert.deepEqual(last.take().map(({ id, deliveries }) => [id, deliveries]), [["1", 4], ["2", 3]]);
});

Deno.test("what is not yet acknowledged at a restart is delivered again in order, the rest never", () => {
  const [driver, alice] = bound();
  alice.publishAll(["1", "2", "3", "4"]);
  const bob = driver.connect("bob");
  bob.consume("q", 3);
  bob.disconnect();
  const again = driver.connect("bob");
  again.consume("q", 3);
  again.ackAll(["2"]);
  driver.restart();
  driver.connect("alice").publishAll(["5"]);
  const last = driver.connect("bob");
  last.consume("q");
  assert.deepEqual(last.take().map(({ id, deliveries }) => [id, deliveries]), [
    ["1", 2],
    ["3", 2],
    // Handed out after the ack and never given back before the broker stopped.
    ["4", 1],
    ["5", 1],
  ]);
  last.ackAll(["1", "3", "4", "5"]);
  driver.restart();
  assert.deepEqual(driver.connect("bob").fetch("q"), { kind: "no_messages" });
});
