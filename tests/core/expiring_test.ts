/**
 * The row of messages that will expire: what comes out of it, and what it keeps.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Expiring } from "../../lib/core/expiring.ts";
import { Message } from "../../lib/core/message.ts";

function message(expiresMs: number, seq = 0): Message {
  return new Message({
    ...{ queue: "q", receiver: "bob", seq, id: "1", publisher: "a", size: 1, checksum: 0 },
    ...{ exchange: "x", routingKey: "k", expiresMs },
  }, 0);
}

function leave(row: Expiring, one: Message): void {
  one.removed = true;
  row.remove(one);
}

Deno.test("messages come out by the end of their time, each once, and none before it", () => {
  const row = new Expiring();
  for (const expiresMs of [30, 10, 0, 20]) row.add(message(expiresMs));
  assert.equal(row.length, 3, "one that never expires is not kept");
  assert.equal(row.take(9), undefined);
  assert.deepEqual([10, 20, 20, 30].map((now) => row.take(now)?.expiresMs), [
    ...[10, 20, undefined, 30],
  ]);
  assert.equal(row.length, 0);
});

Deno.test("messages whose time ends at the same moment come out in the order of their queue", () => {
  const row = new Expiring();
  for (let seq = 0; seq < 100; seq++) row.add(message(10, seq));
  const taken = Array.from({ length: 100 }, () => row.take(10)?.seq);
  assert.deepEqual(taken, Array.from({ length: 100 }, (_, seq) => seq));
});

Deno.test("memory of expiring messages that left in time is bounded", () => {
  const row = new Expiring();
  const living = Array.from({ length: 100 }, () => message(1_000_000));
  for (const one of living) row.add(one);
  for (let n = 0; n < 100_000; n++) {
    const one = message(1_000_000 + n);
    row.add(one);
    leave(row, one);
    assert(row.length < 2 * 1024 + 2 * living.length, `${row.length} are kept`);
  }
  let left = 0;
  for (let one = row.take(2e6); one !== undefined; one = row.take(2e6)) if (!one.removed) left++;
  assert.equal(left, living.length, "no other one was lost");
});

Deno.test("a message that was held when its time was over stays so, and is forgotten when it leaves", () => {
  const row = new Expiring();
  const held = message(10);
  held.lease = {} as NonNullable<Message["lease"]>;
  row.add(held);
  assert.equal(row.isOver(held, 9), false);
  assert.equal(row.take(10), held);
  assert.deepEqual([row.isOver(held, 10), row.isOver(held, 5)], [true, true]);
  leave(row, held);
  assert.equal(row.length, 0);
  assert.equal(row.isOver(message(0), 1e9), false);
});
