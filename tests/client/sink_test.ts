/**
 * When messages count as taken.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MemoryInbox } from "../../lib/client/inbox.ts";
import { HandlerSink } from "../../lib/client/sink.ts";

const messages = [{ id: "a", text: "A", key: "key-a" }, { id: "b", text: "B", key: "key-b" }];

Deno.test("messages are remembered after their handler is done, and not before", async () => {
  const inbox = new MemoryInbox();
  const gate = Promise.withResolvers<void>();
  const sink = new HandlerSink(() => gate.promise, inbox);
  const accepted = sink.accept(messages);
  await Promise.resolve();
  assert.equal(sink.has("key-a"), false);
  gate.resolve();
  await accepted;
  assert.ok(sink.has("key-a") && sink.has("key-b"));
});

Deno.test("messages whose handler failed are not remembered", async () => {
  const sink = new HandlerSink(() => Promise.reject(new Error("no")), new MemoryInbox());
  await assert.rejects(sink.accept(messages), /no/);
  assert.equal(sink.has("key-a"), false);
});
