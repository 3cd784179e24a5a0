/**
 * What a start reports.
 *
 * @module
 */
import assert from "node:assert/strict";
import { counting } from "../../lib/store/recovery.ts";
import { enqueued, headOf, moved, removed } from "../contracts/store_model.ts";
import { DatabaseFolder, messagesOf } from "./database_folder.ts";

const LANE = { queue: "q", receiver: "r" };

Deno.test("messages that are counted come through as they are", async () => {
  const stored = [undefined, "removed", "moved", undefined, undefined].map((gone, seq) => ({
    message: headOf(LANE, seq, 1),
    acceptedMs: 1,
    deliveries: 0,
    ...(gone === undefined ? {} : { gone: gone as "removed" | "moved" }),
  }));
  const pieces = [stored.slice(0, 3), stored.slice(3)];
  const counted = counting(ReadableStream.from(pieces));
  for (const piece of pieces) assert.equal((await counted.next()).value, piece);
  assert.deepEqual(await counted.next(), { done: true, value: { messages: 3, remembered: 2 } });
});

Deno.test("a store reports what it found, once its messages are read", async () => {
  using box = new DatabaseFolder();
  const store = await box.open();
  await store.load();
  const messages = Array.from({ length: 10 }, (_, seq) => enqueued(LANE, seq, 5_000));
  await store.commit([{ kind: "queue_declared", queue: "q", options: {} }, ...messages], 1);
  const dead = { queue: "q.dead", receiver: "r" };
  await store.commit(
    [removed(LANE, 0), removed(LANE, 4), moved(headOf(LANE, 7, 5_000), dead, 0)],
    2,
  );
  await store.close();
  const again = await box.open();
  await again.load();
  assert.equal(again.recovery, undefined);
  assert.equal((await messagesOf(again)).length, 11);
  const { ms, bytes, ...counts } = again.recovery!;
  assert.deepEqual(counts, { queues: 1, messages: 8, remembered: 3 });
  assert.equal(bytes, Deno.statSync(box.path).size);
  assert.ok(ms > 0 && ms < 60_000);
  await again.close();
});
