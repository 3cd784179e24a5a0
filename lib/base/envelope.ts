/**
 * The seed envelope as JSON: an encrypted message as it travels. The broker checks its form and
 * never its content; clients make and open it (`lib/crypto`).
 *
 * @module
 */
import { decodedLength, fromBase64 } from "./bytes.ts";
import { CipherMqError } from "./errors.ts";
import { nameProblem } from "./names.ts";

/** An encrypted message as it travels. All binary fields are standard base64 with padding. */
export interface Envelope {
  /** Unique per sender; a UUID by default. */
  readonly message_id: string;
  /** Who it is for: the Common Name of the receiver's certificate. */
  readonly receiver_client_id: string;
  /** Sealed box (80 bytes) of the 32-byte session key. */
  readonly enc_session_key: string;
  /** AES-256-GCM nonce, 12 bytes. */
  readonly nonce: string;
  /** AES-256-GCM tag, 16 bytes. */
  readonly tag: string;
  /** AES-256-GCM ciphertext of the UTF-8 text. */
  readonly ciphertext: string;
}

/** Bytes of a sealed session key: ephemeral key 32, Poly1305 tag 16, session key 32. */
export const SEALED_SESSION_KEY_BYTES = 80;
/** Bytes of an AES-GCM nonce (NIST SP 800-38D, section 8.2). */
export const NONCE_BYTES = 12;
/** Bytes of an AES-GCM tag. */
export const TAG_BYTES = 16;

const FIELDS = 6;
/** Where decoded bytes go that nobody needs. */
const scratch = new Uint8Array(48 * 1024);

/**
 * Whether `text` is base64 as an envelope has it: with padding, nothing in between, and spare bits
 * zero (RFC 4648, section 3.5), else an altered text could stand for the same bytes.
 */
export function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  return fromBase64(text, decodedLength(text), scratch) !== undefined;
}

function requireBase64(value: unknown, field: string, bytes?: number): void {
  if (typeof value !== "string") throw invalid(`${field} is missing or not a string`);
  if (!isBase64(value)) throw invalid(`${field} is not base64`);
  if (bytes !== undefined && decodedLength(value) !== bytes) {
    throw invalid(`${field} is not ${bytes} bytes`);
  }
}

function requireName(value: unknown, field: string): void {
  if (typeof value !== "string") throw invalid(`${field} is missing or not a string`);
  const problem = nameProblem(value);
  if (problem !== undefined) throw invalid(`${field} ${problem}`);
}

function invalid(why: string): CipherMqError {
  return new CipherMqError("invalid_message", why);
}

/**
 * Takes a parsed JSON value as an envelope, or throws `invalid_message` with the reason. Fields
 * that the format does not have are refused, so that nothing travels that nobody checked.
 */
export function toEnvelope(value: unknown): Envelope {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("an envelope is a JSON object");
  }
  const envelope = value as Envelope;
  requireName(envelope.message_id, "message_id");
  requireName(envelope.receiver_client_id, "receiver_client_id");
  requireBase64(envelope.enc_session_key, "enc_session_key", SEALED_SESSION_KEY_BYTES);
  requireBase64(envelope.nonce, "nonce", NONCE_BYTES);
  requireBase64(envelope.tag, "tag", TAG_BYTES);
  requireBase64(envelope.ciphertext, "ciphertext");
  if (Object.keys(value).length !== FIELDS) throw invalid("an envelope has just six fields");
  return envelope;
}

/**
 * The one text of an envelope: fields in their order, no spaces. Equal envelopes have equal texts,
 * which is what lets the broker tell a resent message from another one under the same id.
 */
export function envelopeText(envelope: Envelope): string {
  // Base64 needs no escaping; names may hold quotes and backslashes.
  return `{"message_id":${JSON.stringify(envelope.message_id)},"receiver_client_id":${
    JSON.stringify(envelope.receiver_client_id)
  },"enc_session_key":"${envelope.enc_session_key}","nonce":"${envelope.nonce}","tag":"${envelope.tag}","ciphertext":"${envelope.ciphertext}"}`;
}
