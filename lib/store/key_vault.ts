/**
 * Registered keys at rest: AES-256-GCM (NIST SP 800-38D) under the broker's AES key. Each text is
 * bound to what it is and whose it is, so that rows cannot be swapped.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { assert } from "../base/assert.ts";
import { NONCE_BYTES, TAG_BYTES } from "../base/envelope.ts";

/** Bytes of the AES key. */
export const AES_KEY_BYTES = 32;

const ALGORITHM = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES };

/** Bytes that only the vault's key can open. */
export interface Sealed {
  /** The encrypted bytes. */
  readonly ciphertext: Uint8Array;
  /** 12 random bytes, new for each sealing. */
  readonly nonce: Uint8Array;
  /** 16 bytes of authentication. */
  readonly tag: Uint8Array;
}

/** Seals and opens under one AES key. */
export class KeyVault {
  readonly #key: Uint8Array;

  /** A vault for a key of 32 bytes. */
  constructor(aesKey: Uint8Array) {
    assert(aesKey.byteLength === AES_KEY_BYTES, `an AES key has ${AES_KEY_BYTES} bytes`);
    this.#key = aesKey.slice();
  }

  /** Seals `plain` so that it opens for this `owner` only. */
  seal(owner: string, plain: Uint8Array): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, OPTIONS);
    cipher.setAAD(boundTo(owner));
    const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
    // Copied: a Buffer may lie in memory that others use too, and goes with it to another thread.
    const [own, ownNonce, tag] = [ciphertext, nonce, cipher.getAuthTag()].map((part) =>
      new Uint8Array(part)
    ) as [Uint8Array, Uint8Array, Uint8Array];
    return { ciphertext: own, nonce: ownNonce, tag };
  }

  /** Opens what was sealed for `owner`; nothing if the key, the owner or a byte is another. */
  open(owner: string, sealed: Sealed): Uint8Array | undefined {
    const { ciphertext, nonce, tag } = sealed;
    if (nonce.byteLength !== NONCE_BYTES || tag.byteLength !== TAG_BYTES) return undefined;
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, OPTIONS);
    decipher.setAAD(boundTo(owner));
    decipher.setAuthTag(tag);
    try {
      return new Uint8Array(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    } catch {
      return undefined;
    }
  }
}

/** The additional data: the format first, so that no other use of the key can be confused with it. */
function boundTo(owner: string): Uint8Array {
  return new TextEncoder().encode(`ciphermq/public_keys/1\0${owner}`);
}
