/**
 * libsodium's sealed box (`crypto_box_seal`): encrypts to a public key, so that only its owner can
 * read it and nobody can tell who sealed it. `FORMAT.md` has the bytes.
 *
 * X25519 comes from the platform, which is ten times as fast; Salsa20 and BLAKE2b with 24 bytes,
 * which the platform lacks, come from noble.
 *
 * @module
 */
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { CipherMqError } from "../base/errors.ts";
import { type Entropy, systemRandom } from "../base/random.ts";
import { agree, generateKeyPair, KEY_BYTES, type KeyPair } from "./key_pair.ts";

const BOX_NONCE_BYTES = 24;

// Salsa20's constant, as the words that HSalsa20 takes.
const SIGMA = new Uint32Array(new TextEncoder().encode("expand 32-byte k").buffer);

/**
 * Seals `content` to a public key, with an ephemeral key that is forgotten at once; it is drawn from
 * `random`, by default the machine's. Throws `cryptographic` when the public key is not a valid X25519
 * key.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { generateKeyPair } from "./key_pair.ts";
 * import { openSealedBox, sealBox } from "./sealed_box.ts";
 *
 * const receiver = generateKeyPair();
 * const sealed = sealBox(Uint8Array.of(1, 2, 3), receiver.publicKey);
 * assert(openSealedBox(sealed, receiver).length === 3);
 * ```
 */
export function sealBox(
  content: Uint8Array,
  publicKey: Uint8Array,
  random: Entropy = systemRandom,
): Uint8Array {
  const ephemeral = generateKeyPair(random);
  const key = boxKey(ephemeral.privateKey, publicKey);
  const box = xsalsa20poly1305(key, boxNonce(ephemeral.publicKey, publicKey)).encrypt(content);
  const sealed = new Uint8Array(KEY_BYTES + box.length);
  sealed.set(ephemeral.publicKey);
  sealed.set(box, KEY_BYTES);
  return sealed;
}

/**
 * Opens a sealed box with the key pair that it was sealed to. Throws `cryptographic` with one and
 * the same text whatever is wrong with the box.
 */
export function openSealedBox(sealed: Uint8Array, keyPair: KeyPair): Uint8Array {
  try {
    const ephemeralKey = sealed.subarray(0, KEY_BYTES);
    const key = boxKey(keyPair.privateKey, ephemeralKey);
    const nonce = boxNonce(ephemeralKey, keyPair.publicKey);
    return xsalsa20poly1305(key, nonce).decrypt(sealed.subarray(KEY_BYTES));
  } catch {
    throw new CipherMqError(
      "cryptographic",
      "cannot open the sealed box: it was sealed to another key, or altered",
    );
  }
}

/** The key of NaCl's `crypto_box`: the shared secret through HSalsa20 with a nonce of zeros. */
function boxKey(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const secret = agree(privateKey, publicKey);
  const key = new Uint8Array(KEY_BYTES);
  hsalsa(SIGMA, new Uint32Array(secret.buffer), new Uint32Array(4), new Uint32Array(key.buffer));
  return key;
}

/** A sealed box sends no nonce: both sides derive it from the two public keys. */
function boxNonce(ephemeralKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return blake2b.create({ dkLen: BOX_NONCE_BYTES }).update(ephemeralKey).update(publicKey).digest();
}
