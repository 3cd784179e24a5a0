/**
 * Envelopes of publishers that are not this project's: every message to one receiver under one session
 * key, which is made once for all histories, because it takes a hundred times as long as a message.
 *
 * @module
 */
import { createCipheriv } from "node:crypto";
import { toBase64 } from "../../lib/base/bytes.ts";
import { publicKeyOf } from "../../lib/crypto/key_pair.ts";
import { sealBox } from "../../lib/crypto/sealed_box.ts";
import { SeededEntropy } from "./seeded_entropy.ts";

interface Keys {
  readonly privateKey: Uint8Array;
  readonly sessionKey: Uint8Array;
  readonly sealedKey: string;
}

const keys = new Map<string, Keys>();

function keysOf(receiver: string): Keys {
  let known = keys.get(receiver);
  if (known === undefined) {
    const random = new SeededEntropy(receiver.charCodeAt(receiver.length - 1));
    const privateKey = random.bytes(32);
    const sessionKey = random.bytes(32);
    const sealedKey = toBase64(sealBox(sessionKey, publicKeyOf(privateKey), random));
    keys.set(receiver, known = { privateKey, sessionKey, sealedKey });
  }
  return known;
}

/** A receiver's private key, the same in every history. */
export function privateKeyOf(receiver: string): Uint8Array {
  return keysOf(receiver).privateKey;
}

/** The bytes of an envelope as the protocol says. */
export function rawEnvelope(
  id: string,
  receiver: string,
  text: string,
  random: SeededEntropy,
): string {
  const { sessionKey, sealedKey } = keysOf(receiver);
  const nonce = random.bytes(12);
  const cipher = createCipheriv("aes-256-gcm", sessionKey, nonce);
  const ciphertext = cipher.update(text, "utf8", "base64") + cipher.final("base64");
  const tag = cipher.getAuthTag().toString("base64");
  return `{"message_id":"${id}","receiver_client_id":"${receiver}",` +
    `"enc_session_key":"${sealedKey}","nonce":"${toBase64(nonce)}",` +
    `"tag":"${tag}","ciphertext":"${ciphertext}"}`;
}
