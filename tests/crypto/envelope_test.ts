/**
 * Tests of sealing and opening envelopes, against vectors of other implementations, and against
 * libsodium with WebCrypto.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import sodium from "libsodium-wrappers";
import type { Clock } from "../../lib/base/clock.ts";
import { type Envelope, toEnvelope } from "../../lib/base/envelope.ts";
import { EnvelopeOpener, EnvelopeSealer, open, seal } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import { sealBox } from "../../lib/crypto/sealed_box.ts";
import { SessionKeyCache } from "../../lib/crypto/session_key_cache.ts";
import { SeededEntropy } from "../sim/seeded_entropy.ts";
import vectors from "../vectors/seed_envelopes.json" with { type: "json" };
import { LOW_ORDER_POINTS } from "./low_order_points.ts";

await sodium.ready;

const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));
const base64 = (content: Uint8Array) => Buffer.from(content).toString("base64");
const BINARY_FIELDS = ["enc_session_key", "nonce", "tag", "ciphertext"] as const;
const RECEIVER = generateKeyPair();
const TO_RECEIVER = { receiver: "receiver_1", publicKey: RECEIVER.publicKey };

/** Opens an envelope without any of this project's code. */
async function openIndependently(envelope: Envelope): Promise<string> {
  const { publicKey, privateKey } = RECEIVER;
  const box = bytes(envelope.enc_session_key);
  const sessionKey = Uint8Array.from(sodium.crypto_box_seal_open(box, publicKey, privateKey));
  const key = await crypto.subtle.importKey("raw", sessionKey, "AES-GCM", false, ["decrypt"]);
  const sealed = Buffer.concat([bytes(envelope.ciphertext), bytes(envelope.tag)]);
  const aes = { name: "AES-GCM", iv: bytes(envelope.nonce), tagLength: 128 };
  return Buffer.from(await crypto.subtle.decrypt(aes, key, sealed)).toString("utf8");
}

/** Seals bytes, which need not be UTF-8, without any of this project's code. */
async function sealIndependently(content: Uint8Array<ArrayBuffer>): Promise<Envelope> {
  const sessionKey = crypto.getRandomValues(new Uint8Array(32));
  const key = await crypto.subtle.importKey("raw", sessionKey, "AES-GCM", false, ["encrypt"]);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const aes = { name: "AES-GCM", iv: nonce };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(aes, key, content));
  return {
    message_id: "1",
    receiver_client_id: "receiver_1",
    enc_session_key: base64(sodium.crypto_box_seal(sessionKey, RECEIVER.publicKey)),
    nonce: base64(nonce),
    tag: base64(sealed.subarray(-16)),
    ciphertext: base64(sealed.subarray(0, -16)),
  };
}

/** Holds that an envelope is refused, with nothing in the error that tells one cause from another. */
function refused(opener: EnvelopeOpener, envelope: unknown, what?: string): void {
  assert.throws(() => opener.open(envelope as Envelope), (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.deepEqual({ ...error, message: error.message, cause: error.cause }, {
      name: "CipherMqError",
      code: "cryptographic",
      message: "cannot open the message: it was sealed to another key, or altered",
      cause: undefined,
      hint: undefined,
    }, what);
    return true;
  });
}

/** A clock that shows what it is told. */
class FakeClock implements Clock {
  monoMs = 0;
  now() {
    return { wallMs: 0, monoMs: this.monoMs };
  }
}

Deno.test("every envelope of the vectors opens, and the one opener is not confused by others", () => {
  assert.ok(vectors.envelopes.length > 0);
  for (const vector of vectors.envelopes) {
    const opener = new EnvelopeOpener(bytes(vector.receiver_private_key));
    for (const other of vectors.envelopes) {
      if (other !== vector) refused(opener, other.envelope);
    }
    assert.equal(opener.open(toEnvelope(vector.envelope)), vector.plaintext);
    assert.equal(opener.open(vector.envelope), vector.plaintext);
    assert.equal(open(vector.envelope, bytes(vector.receiver_private_key)), vector.plaintext);
  }
});

Deno.test("libsodium and WebCrypto open what is sealed, with the id and receiver given", async () => {
  const sealer = new EnvelopeSealer(TO_RECEIVER);
  for (const size of [0, 1, 15, 16, 17, 255, 256, 4_096, 100_000]) {
    const text = "é".repeat(size);
    const alone = seal({ ...TO_RECEIVER, text, messageId: `id-${size}` });
    assert.equal(alone.message_id, `id-${size}`);
    assert.equal(alone.receiver_client_id, "receiver_1");
    for (const envelope of [alone, sealer.seal(text), sealer.seal(text, "id")]) {
      assert.equal(toEnvelope(envelope), envelope);
      assert.equal(await openIndependently(envelope), text);
    }
  }
});

Deno.test("what libsodium and WebCrypto seal opens", async () => {
  for (const text of ["", "a", "\u{1F680} zażółć", "x".repeat(70_000)]) {
    const envelope = await sealIndependently(new TextEncoder().encode(text));
    assert.equal(open(envelope, RECEIVER.privateKey), text);
  }
});

Deno.test("any text comes back as it was: every script, controls, byte order marks, nothing at all", () => {
  const opener = new EnvelopeOpener(RECEIVER.privateKey);
  const sealer = new EnvelopeSealer(TO_RECEIVER);
  for (
    const text of ["", "\0", "\uFEFF", "\uFEFFa\uFEFF", "\r\n", "e\u0301", "\uFFFD", "\u{10FFFF}"]
  ) {
    assert.equal(opener.open(sealer.seal(text)), text);
  }
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
    assert.equal(opener.open(sealer.seal(text)), text);
  }));
});

Deno.test("a text with a lone surrogate is refused, because UTF-8 would silently change it", () => {
  const sealer = new EnvelopeSealer(TO_RECEIVER);
  for (const text of ["\ud83d", "a\ude80b", "\ude80\ud83d", "ok \ud83d\ude80 \ud83d"]) {
    const refusal = {
      name: "CipherMqError",
      code: "invalid_message",
      message: "cannot seal the text: it has a lone surrogate",
    };
    assert.throws(() => sealer.seal(text), refusal);
    assert.throws(() => seal({ ...TO_RECEIVER, text }), refusal);
  }
});

Deno.test("a content that is not UTF-8 is refused like any other, though its tag is right", async () => {
  const opener = new EnvelopeOpener(RECEIVER.privateKey);
  for (const content of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    refused(opener, await sealIndependently(Uint8Array.from(content)));
  }
});

Deno.test("any bit altered in any binary field is refused, by a fresh opener and one that knows the key", () => {
  const envelope = seal({ ...TO_RECEIVER, text: "Count: 1" });
  const fresh = new EnvelopeOpener(RECEIVER.privateKey);
  const knowing = new EnvelopeOpener(RECEIVER.privateKey);
  assert.equal(knowing.open(envelope), "Count: 1");
  for (const field of BINARY_FIELDS) {
    const original = bytes(envelope[field]);
    for (let bit = 0; bit < original.length * 8; bit++) {
      const altered = original.slice();
      altered[bit >> 3]! ^= 1 << (bit & 7);
      for (const opener of [fresh, knowing]) {
        refused(opener, { ...envelope, [field]: base64(altered) }, `${field}, bit ${bit}`);
      }
    }
  }
  assert.equal(fresh.open(envelope), "Count: 1");
  assert.equal(knowing.open(envelope), "Count: 1");
});

Deno.test("any character altered, added or removed in any binary field is refused", () => {
  const envelope = seal({ ...TO_RECEIVER, text: "Count: 1" });
  const knowing = new EnvelopeOpener(RECEIVER.privateKey);
  assert.equal(knowing.open(envelope), "Count: 1");
  for (const field of BINARY_FIELDS) {
    const text = envelope[field];
    for (let at = 0; at <= text.length; at++) {
      const variants = [text.slice(0, at) + text.slice(at + 1), text.slice(0, at)];
      // "B" and "h" differ from their neighbours in leftover bits only.
      for (const character of ["A", "B", "h", "=", "-", "_", " ", "\n", "é"]) {
        variants.push(text.slice(0, at) + character + text.slice(at));
        variants.push(text.slice(0, at) + character + text.slice(at + 1));
      }
      for (const variant of variants) {
        if (variant !== text) refused(knowing, { ...envelope, [field]: variant }, variant);
      }
    }
  }
});

Deno.test("fields of the wrong length are refused, also a shorter tag that would match", () => {
  const envelope = seal({ ...TO_RECEIVER, text: "Count: 1" });
  const opener = new EnvelopeOpener(RECEIVER.privateKey);
  opener.open(envelope);
  for (const field of BINARY_FIELDS) {
    const content = bytes(envelope[field]);
    for (const length of [0, 1, 4, 8, content.length - 1]) {
      const shorter = base64(content.subarray(0, length));
      if (length < content.length) refused(opener, { ...envelope, [field]: shorter }, field);
    }
    refused(opener, { ...envelope, [field]: base64(Uint8Array.of(...content, 0)) }, field);
  }
  for (const length of [0, 16, 31, 33]) {
    const box = base64(sealBox(new Uint8Array(length), RECEIVER.publicKey));
    refused(opener, { ...envelope, enc_session_key: box }, `session key of ${length} bytes`);
  }
});

Deno.test("what is no envelope at all is refused with the same error", () => {
  const opener = new EnvelopeOpener(RECEIVER.privateKey);
  const envelope = seal({ ...TO_RECEIVER, text: "a" });
  for (const value of [null, undefined, 7, "text", {}, []]) refused(opener, value);
  for (const field of BINARY_FIELDS) {
    for (const value of [null, undefined, 7, {}, [envelope[field]]]) {
      refused(opener, { ...envelope, [field]: value });
    }
  }
});

Deno.test("an envelope that was sealed to another key is refused", () => {
  const envelope = seal({ ...TO_RECEIVER, publicKey: generateKeyPair().publicKey, text: "a" });
  refused(new EnvelopeOpener(RECEIVER.privateKey), envelope);
});

Deno.test("fields of two envelopes cannot be mixed, also when their session key is the same", () => {
  const sealer = new EnvelopeSealer(TO_RECEIVER);
  const [a, b] = [sealer.seal("left"), sealer.seal("right")];
  const opener = new EnvelopeOpener(RECEIVER.privateKey);
  assert.deepEqual([opener.open(a), opener.open(b)], ["left", "right"]);
  for (const field of ["nonce", "tag", "ciphertext"] as const) {
    refused(opener, { ...a, [field]: b[field] });
  }
});

Deno.test("the opener does not look at the id and the receiver: callers do", () => {
  const envelope = seal({ ...TO_RECEIVER, text: "a" });
  const other = { ...envelope, message_id: "another", receiver_client_id: "receiver_2" };
  assert.equal(open(other, RECEIVER.privateKey), "a");
});

Deno.test("a session key seals up to its number of messages, and the next one has a new key", () => {
  for (const maxMessages of [1, 2, 7, 10_000]) {
    const sealer = new EnvelopeSealer({ ...TO_RECEIVER, maxMessages, clock: new FakeClock() });
    const first = sealer.seal("first").enc_session_key;
    for (let sealed = 1; sealed < maxMessages; sealed++) {
      assert.equal(sealer.seal("more").enc_session_key, first);
    }
    const next = sealer.seal("next").enc_session_key;
    assert.notEqual(next, first);
    if (maxMessages > 1) assert.equal(sealer.seal("next").enc_session_key, next);
  }
});

Deno.test("without bounds of its own, a sealer uses a key for 10,000 messages and ten minutes", () => {
  const clock = new FakeClock();
  const sealer = new EnvelopeSealer({ ...TO_RECEIVER, clock });
  const keys = Array.from({ length: 10_001 }, () => sealer.seal("").enc_session_key);
  assert.equal(new Set(keys.slice(0, 10_000)).size, 1);
  assert.notEqual(keys[10_000], keys[0]);
  clock.monoMs = 599_999;
  assert.equal(sealer.seal("").enc_session_key, keys[10_000]);
  clock.monoMs = 600_000;
  assert.notEqual(sealer.seal("").enc_session_key, keys[10_000]);
});

Deno.test("a session key is used until just before its age, counted from its making", () => {
  const clock = new FakeClock();
  clock.monoMs = 5_000;
  const sealer = new EnvelopeSealer({ ...TO_RECEIVER, maxAgeMs: 1_000, clock });
  const first = sealer.seal("").enc_session_key;
  clock.monoMs = 5_999;
  assert.equal(sealer.seal("").enc_session_key, first);
  clock.monoMs = 6_000;
  const second = sealer.seal("").enc_session_key;
  assert.notEqual(second, first);
  clock.monoMs = 6_999;
  assert.equal(sealer.seal("").enc_session_key, second);
  clock.monoMs = 7_000;
  assert.notEqual(sealer.seal("").enc_session_key, second);
});

Deno.test("keys, nonces and ids come from the random source alone: the same seed, the same bytes", () => {
  const sealAll = (seed: number) => {
    const random = new SeededEntropy(seed);
    const sealer = new EnvelopeSealer({ ...TO_RECEIVER, maxMessages: 2, random });
    return ["a", "b", "c"].map((text) => sealer.seal(text));
  };
  assert.deepEqual(sealAll(1), sealAll(1));
  const [one, other] = [sealAll(1), sealAll(2)];
  one.forEach((envelope, at) => {
    assert.match(envelope.message_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    for (const field of ["message_id", "enc_session_key", "nonce", "ciphertext"] as const) {
      assert.notEqual(envelope[field], other[at]![field]);
    }
  });
  assert.deepEqual(one.map((envelope) => open(envelope, RECEIVER.privateKey)), ["a", "b", "c"]);
});

Deno.test("each message has its own nonce and id, and equal texts have different ciphertexts", () => {
  const sealer = new EnvelopeSealer(TO_RECEIVER);
  const envelopes = Array.from({ length: 10_000 }, () => sealer.seal("same text"));
  for (const field of ["nonce", "message_id", "ciphertext", "tag"] as const) {
    assert.equal(new Set(envelopes.map((envelope) => envelope[field])).size, 10_000, field);
  }
});

Deno.test("two sealers to one receiver, and messages sealed alone, have keys of their own", () => {
  const keys = [new EnvelopeSealer(TO_RECEIVER), new EnvelopeSealer(TO_RECEIVER)].map((sealer) =>
    sealer.seal("").enc_session_key
  );
  keys.push(seal({ ...TO_RECEIVER, text: "" }).enc_session_key);
  keys.push(seal({ ...TO_RECEIVER, text: "" }).enc_session_key);
  assert.equal(new Set(keys).size, 4);
});

Deno.test("an opener remembers a session key once a message opened with it, and then uses it", () => {
  const sessions = new SessionKeyCache();
  const opener = new EnvelopeOpener(RECEIVER.privateKey, sessions);
  const envelope = seal({ ...TO_RECEIVER, text: "a" });
  refused(opener, { ...envelope, tag: base64(new Uint8Array(16)) });
  assert.equal(sessions.get(envelope.enc_session_key), undefined, "junk takes no place");
  assert.equal(opener.open(envelope), "a");
  assert.equal(sessions.get(envelope.enc_session_key)?.length, 32);
  // The remembered key is what opens: with another one in its place nothing does.
  sessions.remember(envelope.enc_session_key, new Uint8Array(32));
  refused(opener, envelope);
});

Deno.test("an opener that forgot a session key opens its messages all the same", () => {
  const sessions = new SessionKeyCache(1);
  const opener = new EnvelopeOpener(RECEIVER.privateKey, sessions);
  const sealers = [new EnvelopeSealer(TO_RECEIVER), new EnvelopeSealer(TO_RECEIVER)];
  for (let round = 0; round < 3; round++) {
    for (const [i, sealer] of sealers.entries()) {
      const envelope = sealer.seal(`sealer ${i}, round ${round}`);
      assert.equal(sessions.get(envelope.enc_session_key), undefined);
      assert.equal(opener.open(envelope), `sealer ${i}, round ${round}`);
    }
  }
});

Deno.test("a session key that served once does not make a message acceptable to another opener", () => {
  const other = generateKeyPair();
  const envelope = seal({ ...TO_RECEIVER, text: "a" });
  const opener = new EnvelopeOpener(RECEIVER.privateKey);
  const otherOpener = new EnvelopeOpener(other.privateKey);
  for (let round = 0; round < 2; round++) {
    assert.equal(opener.open(envelope), "a");
    refused(otherOpener, envelope);
  }
});

Deno.test("nothing is sealed with a name that the broker would refuse", () => {
  const invalidName = { name: "CipherMqError", code: "invalid_name" };
  for (const name of ["", "two words", "a\nb", "a".repeat(256)]) {
    assert.throws(() => new EnvelopeSealer({ ...TO_RECEIVER, receiver: name }), invalidName);
    assert.throws(() => seal({ ...TO_RECEIVER, text: "a", messageId: name }), invalidName);
  }
  assert.throws(() => new EnvelopeSealer({ ...TO_RECEIVER, receiver: "a b" }), {
    message: "cannot seal a message: the receiver's client id has a space or control character",
  });
});

Deno.test("nothing is sealed to a key that is not a valid X25519 key", () => {
  for (const publicKey of [new Uint8Array(31), new Uint8Array(33), ...LOW_ORDER_POINTS]) {
    const sealer = new EnvelopeSealer({ ...TO_RECEIVER, publicKey });
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.throws(() => sealer.seal("a"), { name: "CipherMqError", code: "cryptographic" });
    }
  }
});

Deno.test("a sealer and an opener keep their keys when the caller's arrays change", () => {
  const publicKey = RECEIVER.publicKey.slice();
  const privateKey = RECEIVER.privateKey.slice();
  const sealer = new EnvelopeSealer({ ...TO_RECEIVER, publicKey });
  const opener = new EnvelopeOpener(privateKey);
  publicKey.fill(7);
  privateKey.fill(7);
  assert.equal(opener.open(sealer.seal("a")), "a");
});

Deno.test("an opener's own key must have 32 bytes", () => {
  for (const length of [0, 31, 33]) {
    assert.throws(() => new EnvelopeOpener(new Uint8Array(length)), {
      code: "cryptographic",
      message: `cannot use a private key of ${length} bytes: X25519 keys have 32`,
    });
  }
});

Deno.test("a session cannot be stretched beyond 10,000 messages and ten minutes", () => {
  for (const maxMessages of [0, -1, 1.5, 10_001, Infinity, NaN]) {
    assert.throws(() => new EnvelopeSealer({ ...TO_RECEIVER, maxMessages }), RangeError);
  }
  for (const maxAgeMs of [0, -1, 600_001, Infinity, NaN]) {
    assert.throws(() => new EnvelopeSealer({ ...TO_RECEIVER, maxAgeMs }), RangeError);
  }
});
