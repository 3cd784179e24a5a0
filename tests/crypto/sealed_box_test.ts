/**
 * Tests of the sealed box, against libsodium's outputs and against libsodium itself.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { blake2b } from "@noble/hashes/blake2.js";
import sodium from "libsodium-wrappers";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import { openSealedBox, sealBox } from "../../lib/crypto/sealed_box.ts";
import vectors from "../vectors/sealed_boxes.json" with { type: "json" };
import { LOW_ORDER_POINTS } from "./low_order_points.ts";

await sodium.ready;

const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));
const REFUSED = {
  name: "CipherMqError",
  code: "cryptographic",
  message: "cannot open the sealed box: it was sealed to another key, or altered",
};
const SIZES = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1_000];

Deno.test("every box that libsodium sealed opens", () => {
  assert.ok(vectors.boxes.length > 0);
  for (const vector of vectors.boxes) {
    const keyPair = {
      publicKey: bytes(vector.receiver_public_key),
      privateKey: bytes(vector.receiver_private_key),
    };
    assert.deepEqual(openSealedBox(bytes(vector.sealed), keyPair), bytes(vector.plaintext));
  }
});

Deno.test("libsodium opens what is sealed, and what libsodium seals opens, at every size", () => {
  const { publicKey, privateKey } = generateKeyPair();
  for (const size of SIZES) {
    const content = crypto.getRandomValues(new Uint8Array(size));
    const sealed = sealBox(content, publicKey);
    // An ephemeral public key of 32 bytes and a tag of 16.
    assert.equal(sealed.length, size + 48);
    assert.deepEqual(sodium.crypto_box_seal_open(sealed, publicKey, privateKey), content);
    const sodiums = sodium.crypto_box_seal(content, publicKey);
    assert.deepEqual(openSealedBox(sodiums, { publicKey, privateKey }), content);
  }
});

Deno.test("the same content is sealed differently each time", () => {
  const { publicKey } = generateKeyPair();
  const content = new Uint8Array(32);
  const [a, b] = [sealBox(content, publicKey), sealBox(content, publicKey)];
  assert.notDeepEqual(a.subarray(0, 32), b.subarray(0, 32));
  assert.notDeepEqual(a.subarray(48), b.subarray(48));
});

Deno.test("a box with any one bit altered does not open, even the bit that X25519 ignores", () => {
  const receiver = generateKeyPair();
  const sealed = sealBox(crypto.getRandomValues(new Uint8Array(32)), receiver.publicKey);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = sealed.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    // X25519 ignores bit 255 of the ephemeral key, but the nonce is made from the ephemeral key as it was sent.
    assert.throws(() => openSealedBox(altered, receiver), REFUSED, `bit ${bit}`);
  }
});

Deno.test("a box that was cut, lengthened or sealed to another key does not open", () => {
  const receiver = generateKeyPair();
  const sealed = sealBox(new Uint8Array(32), receiver.publicKey);
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => openSealedBox(sealed.subarray(0, length), receiver), REFUSED);
  }
  assert.throws(() => openSealedBox(Uint8Array.of(...sealed, 0), receiver), REFUSED);
  assert.throws(() => openSealedBox(sealed, generateKeyPair()), REFUSED);
});

Deno.test("a box made for the all-zero secret does not open: anyone could have made it for anyone", () => {
  const receiver = generateKeyPair();
  for (const ephemeral of LOW_ORDER_POINTS) {
    const sigma = new Uint32Array(new TextEncoder().encode("expand 32-byte k").buffer);
    const key = new Uint32Array(8);
    hsalsa(sigma, new Uint32Array(8), new Uint32Array(4), key);
    const nonce = blake2b(Uint8Array.of(...ephemeral, ...receiver.publicKey), { dkLen: 24 });
    const box = xsalsa20poly1305(new Uint8Array(key.buffer), nonce).encrypt(new Uint8Array(32));
    assert.throws(() => openSealedBox(Uint8Array.of(...ephemeral, ...box), receiver), REFUSED);
  }
});

Deno.test("nothing is sealed to a key with which everyone shares the all-zero secret", () => {
  for (const point of LOW_ORDER_POINTS) {
    assert.throws(() => sealBox(new Uint8Array(32), point), { code: "cryptographic" });
  }
});

Deno.test("a box reads its content from inside a larger buffer", () => {
  const receiver = generateKeyPair();
  const content = Uint8Array.from({ length: 40 }, (_, i) => i);
  const sealed = sealBox(content.subarray(3, 35), receiver.publicKey);
  const inside = Uint8Array.of(9, ...sealed, 9).subarray(1, 1 + sealed.length);
  assert.deepEqual(openSealedBox(inside, receiver), content.slice(3, 35));
});
