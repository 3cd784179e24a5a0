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

Deno.test("no tag makes a message of one session pass for one of another, and no session for another tag", () => {
  const [mine, victims] = [sealer().seal("mine"), sealer().seal("genuine")];
  assert.notEqual(messageKey({ ...mine, tag: victims.tag }), messageKey(victims));
  const one = sealer();
  const [first, second] = [one.seal("1"), one.seal("2")];
  assert.equal(first.enc_session_key, second.enc_session_key);
  assert.notEqual(messageKey(first), messageKey(second));
  // Every character of it counts.
  const key = messageKey(victims);
  for (let at = 0; at < KEY_LENGTH; at++) {
    const field = at < 16 ? "enc_session_key" : "tag";
    const place = at < 16 ? at : at - 16;
    const text = victims[field];
    const other = text[place] === "A" ? "B" : "A";
    const altered = text.slice(0, place) + other + text.slice(place + 1);
    assert.notEqual(messageKey({ ...victims, [field]: altered }), key);
  }
});

Deno.test("a message's key stays what it was when inboxes were written that exist already", () => {
  const envelope = {
    ...sealer().seal("text"),
    enc_session_key: "0123456789abcdefghij".padEnd(107, "A") + "=",
    tag: "ABCDEFGHIJKLMNOPQRSTUg==",
  };
  assert.equal(messageKey(envelope), "0123456789abcdefABCDEFGHIJKLMNOPQRSTUg");
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
