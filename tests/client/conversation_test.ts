/**
 * Whom a reply belongs to, and what silence means.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Conversation } from "../../lib/client/conversation.ts";
import type { ReceivedReply } from "../../lib/wire/reply.ts";

const ok: ReceivedReply = { kind: "heartbeat_ok" };

Deno.test("replies go to the commands in their order, to each until it has its last", () => {
  const conversation = new Conversation(0);
  const got: string[] = [];
  const handler = (name: string, replies: number) => ({
    reply: () => {
      got.push(name);
      return --replies === 0;
    },
  });
  conversation.sent(handler("a", 1), 0);
  conversation.sent(handler("batch", 3), 0);
  conversation.sent(handler("b", 1), 0);
  for (let n = 0; n < 5; n++) conversation.reply(ok, 0);
  assert.deepEqual(got, ["a", "batch", "batch", "batch", "b"]);
  assert.equal(conversation.waiting, 0);
  assert.throws(() => conversation.reply(ok, 0), /nobody asked/);
});

Deno.test("silence calls for a heartbeat when nothing is asked, and is death when something is", () => {
  const conversation = new Conversation(0, { heartbeatMs: 10, replyTimeoutMs: 20 });
  assert.equal(conversation.health(9), "alive");
  assert.equal(conversation.health(10), "silent");
  conversation.sent({ reply: () => true }, 10);
  assert.equal(conversation.health(29), "alive");
  // What is pushed answers nothing.
  conversation.pushed(29);
  assert.equal(conversation.health(30), "dead");
  conversation.resumed(30);
  assert.equal(conversation.health(49), "alive");
  conversation.reply(ok, 49);
  assert.equal(conversation.health(58), "alive");
  conversation.pushed(58);
  assert.equal(conversation.health(67), "alive");
});

Deno.test("a connection that goes on answering lives, however much is asked", () => {
  const conversation = new Conversation(0, { replyTimeoutMs: 20 });
  for (let n = 0; n < 10; n++) conversation.sent({ reply: () => true }, 0);
  for (let ms = 15; ms < 100; ms += 15) {
    assert.equal(conversation.health(ms), "alive");
    conversation.reply(ok, ms);
  }
});

Deno.test("a message answers a command only where one was asked for", () => {
  const conversation = new Conversation(0);
  assert.equal(conversation.takesMessage, false);
  conversation.sent({ reply: () => true }, 0);
  conversation.sent({ reply: () => true, takesMessage: true }, 0);
  assert.equal(conversation.takesMessage, false);
  conversation.reply({ kind: "heartbeat_ok" }, 1);
  assert.equal(conversation.takesMessage, true);
});
