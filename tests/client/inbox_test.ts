/**
 * What inboxes remember, and for how long.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Envelope, envelopeText } from "../../lib/base/envelope.ts";
import { type Inbox, MemoryInbox, messageKey } from "../../lib/client/inbox.ts";

const envelope: Envelope = {
  message_id: "id",
  receiver_client_id: "receiver_1",
  enc_session_key: "AAAA",
  nonce: "BBBB",
  tag: "CCCC",
  ciphertext: "DDDD",
};

function keyOf(changes: Partial<Envelope> = {}): string {
  return messageKey(envelopeText({ ...envelope, ...changes }));
}

function key(n: number): string {
  return keyOf({ message_id: `id-${n}` });
}

function remembered(inbox: Inbox, from: number, to: number): number {
  let count = 0;
  for (let n = from; n < to; n++) if (inbox.has(key(n))) count++;
  return count;
}

Deno.test("a message's key is 16 bytes of the whole envelope: the same id with other content differs", () => {
  const keys = Object.keys(envelope).map((field) => keyOf({ [field]: "EEEE" }));
  assert.equal(new Set([keyOf(), ...keys]).size, 7);
});

Deno.test("a message's key stays what it was when inboxes were written that exist already", () => {
  const hex = Array.from(keyOf(), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"));
  assert.equal(hex.join(""), "9d51debecc29f063dde7c2bda80e48db");
});

Deno.test("an inbox in memory remembers the newest messages and is bounded", () => {
  const inbox = new MemoryInbox(100);
  for (let n = 0; n < 1_000; n++) inbox.add([key(n)]);
  assert.equal(remembered(inbox, 900, 1_000), 100);
  assert.equal(remembered(inbox, 0, 850), 0);
});
