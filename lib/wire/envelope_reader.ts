/**
 * Envelopes out of what a broker delivered, one after the other: the receiver's side of
 * `envelope_text.ts`.
 *
 * @module
 */
import { base64Length } from "../base/bytes.ts";
import {
  type Envelope,
  NONCE_BYTES,
  SEALED_SESSION_KEY_BYTES,
  TAG_BYTES,
} from "../base/envelope.ts";
import { scanEnvelope, type ScannedEnvelope } from "./envelope_scan.ts";
import { parseEnvelope } from "./envelope_text.ts";
import { detached, NameMemory } from "./name_memory.ts";

// Where the fields stand in a canonical text, counted from the end of what is before them.
const BEFORE_ID = '{"message_id":"'.length;
const BEFORE_RECEIVER = '","receiver_client_id":"'.length;
const BEFORE_KEY = '","enc_session_key":"'.length;
const KEY = base64Length(SEALED_SESSION_KEY_BYTES);
const BEFORE_NONCE = '","nonce":"'.length;
const NONCE = base64Length(NONCE_BYTES);
const BEFORE_TAG = '","tag":"'.length;
const TAG = base64Length(TAG_BYTES);
const BEFORE_CIPHERTEXT = '","ciphertext":"'.length;
const AFTER_CIPHERTEXT = '"}'.length;

/** Reads the deliveries of one receiver. */
export class EnvelopeReader {
  /** A sender uses one session key for many messages. */
  readonly #sessionKeys = new NameMemory();

  /**
   * Reads one envelope. Throws `invalid_message` like {@linkcode parseEnvelope}. Its message id and
   * session key may be kept: they share no memory with `text`.
   */
  read(text: string): Envelope {
    const scanned = scanEnvelope(text, 0);
    return scanned?.end === text.length ? this.#cut(scanned) : parseEnvelope(text);
  }

  /** The fields of a scanned text: names without escapes, and base64 of known length. */
  #cut({ id, receiver, text }: ScannedEnvelope): Envelope {
    const key = BEFORE_ID + id.length + BEFORE_RECEIVER + receiver.length + BEFORE_KEY;
    const nonce = key + KEY + BEFORE_NONCE;
    const tag = nonce + NONCE + BEFORE_TAG;
    const ciphertext = tag + TAG + BEFORE_CIPHERTEXT;
    return {
      message_id: detached(id),
      receiver_client_id: receiver,
      enc_session_key: this.#sessionKeys.keep(text.slice(key, key + KEY)),
      nonce: text.slice(nonce, nonce + NONCE),
      tag: text.slice(tag, tag + TAG),
      ciphertext: text.slice(ciphertext, -AFTER_CIPHERTEXT),
    };
  }
}
