/**
 * What inboxes remember, and for how long.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Envelope } from "../../lib/base/envelope.ts";
import { type Inbox, MemoryInbox, messageKey } from "../../lib/client/inbox.ts";

const envelope: Envelope = {
  message_id: "id",
  receiver_client_id: "receiver_1",
  enc_session_key: "AAAA",
  nonce: "BBBB",
  tag: "CCCC",
  ciphertext: "DDDD",
};

function key(n: number): string {
  return messageKey({ ...envelope, message_id: `id-${n}` });
}

function remembered(inbox: Inbox, from: number, to: number): number {
  let count = 0;
  for (let n = from; n < to; n++) if (inbox.has(key(n))) count++;
  return count;
}

Deno.test("a message's key is 16 bytes of the whole envelope: the same id with other content differs", () => {
  assert.equal(messageKey(envelope).length, 16);
  assert.equal(messageKey(envelope), messageKey({ ...envelope }));
  const keys = Object.keys(envelope).map((field) => messageKey({ ...envelope, [field]: "EEEE" }));
  assert.equal(new Set([messageKey(envelope), ...keys]).size, 7);
});

Deno.test("an inbox in memory remembers the newest messages and is bounded", () => {
  const inbox = new MemoryInbox(100);
  for (let n = 0; n < 1_000; n++) inbox.add([key(n)]);
  assert.equal(remembered(inbox, 900, 1_000), 100);
  assert.equal(remembered(inbox, 0, 850), 0);
});
