/**
 * What inboxes remember, and for how long.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Inbox, KEY_LENGTH, MemoryInbox, messageKey } from "../../lib/client/inbox.ts";
import { EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";

const { publicKey } = generateKeyPair();

function sealer(): EnvelopeSealer {
  return new EnvelopeSealer({ receiver: "receiver_1", publicKey });
}

function key(n: number): string {
  return `key-${n}`;
}

function remembered(inbox: Inbox, from: number, to: number): number {
  let count = 0;
  for (let n = from; n < to; n++) if (inbox.has(key(n))) count++;
  return count;
}

Deno.test("every sealed message has a key of its own, whatever its id, text and sender", () => {
  const one = sealer();
  const sealed = [one, one, sealer()].map((by) => by.seal("text", "id"));
  const keys = sealed.map(messageKey);
  assert.equal(new Set(keys).size, 3);
  assert.ok(keys.every((key) => key.length === KEY_LENGTH && /^[\x21-\x7e]+$/.test(key)));
});

Deno.test("a message that comes again under another id has the same key: its id is not sealed", () => {
  const envelope = sealer().seal("text", "id");
  assert.equal(messageKey({ ...envelope, message_id: "another" }), messageKey(envelope));
});

Deno.test("an inbox in memory remembers the newest messages and is bounded", () => {
  const inbox = new MemoryInbox(100);
  for (let n = 0; n < 1_000; n++) inbox.add([key(n)]);
  assert.equal(remembered(inbox, 900, 1_000), 100);
  assert.equal(remembered(inbox, 0, 850), 0);
});
