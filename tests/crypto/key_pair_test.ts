/**
 * Tests of X25519 key pairs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { x25519 } from "@noble/curves/ed25519.js";
import { CipherMqError } from "../../lib/base/errors.ts";
import { agree, generateKeyPair, publicKeyOf } from "../../lib/crypto/key_pair.ts";
import { LOW_ORDER_POINTS } from "./low_order_points.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

/** RFC 7748, section 5.2; the second public key has the bit set that must be ignored. */
const AGREEMENTS = [
  [
    "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  ],
  [
    "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  ],
] as const;

Deno.test("two keys agree on the secret that RFC 7748 gives", () => {
  for (const [privateKey, publicKey, secret] of AGREEMENTS) {
    assert.deepEqual(agree(hex(privateKey), hex(publicKey)), hex(secret));
  }
});

Deno.test("a thousand agreements in a row end where RFC 7748 says", () => {
  let k: Uint8Array = hex("0900000000000000000000000000000000000000000000000000000000000000");
  let u = k;
  for (let round = 0; round < 1_000; round++) [k, u] = [agree(k, u), k];
  assert.deepEqual(k, hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
});

Deno.test("the public key of a private one is that of RFC 7748", () => {
  assert.deepEqual(
    publicKeyOf(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")),
    hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
  );
});

Deno.test("new key pairs differ, and another implementation agrees with them", () => {
  const [a, b] = [generateKeyPair(), generateKeyPair()];
  assert.notDeepEqual(a.privateKey, b.privateKey);
  assert.deepEqual(a.publicKey, x25519.getPublicKey(a.privateKey));
  const secret = agree(a.privateKey, b.publicKey);
  assert.deepEqual(secret, agree(b.privateKey, a.publicKey));
  assert.deepEqual(secret, x25519.getSharedSecret(a.privateKey, b.publicKey));
});

Deno.test("any 32 bytes are a private key", () => {
  for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
    const privateKey = new Uint8Array(32).fill(byte);
    assert.deepEqual(publicKeyOf(privateKey), x25519.getPublicKey(privateKey));
  }
});

Deno.test("a public key that gives everyone the all-zero secret is refused", () => {
  const { privateKey } = generateKeyPair();
  for (const point of LOW_ORDER_POINTS) {
    assert.throws(() => agree(privateKey, point), {
      name: "CipherMqError",
      code: "cryptographic",
      message: "cannot use a public key: it is not a valid X25519 key",
    });
  }
});

Deno.test("a key that is not 32 bytes long is refused, and its bytes are not in the error", () => {
  const { publicKey, privateKey } = generateKeyPair();
  for (const length of [0, 1, 31, 33, 48, 64]) {
    const wrong = new Uint8Array(length).fill(0xab);
    const isRefusal = (kind: string) => (error: unknown) => {
      assert.ok(error instanceof CipherMqError && error.code === "cryptographic");
      assert.equal(
        error.message,
        `cannot use a ${kind} key of ${length} bytes: X25519 keys have 32`,
      );
      return true;
    };
    assert.throws(() => publicKeyOf(wrong), isRefusal("private"));
    assert.throws(() => agree(wrong, publicKey), isRefusal("private"));
    assert.throws(() => agree(privateKey, wrong), isRefusal("public"));
  }
});

Deno.test("the keys that functions give share no memory with each other", () => {
  const { publicKey, privateKey } = generateKeyPair();
  for (const key of [publicKey, privateKey, agree(privateKey, publicKey)]) {
    assert.equal(key.buffer.byteLength, 32);
  }
});
