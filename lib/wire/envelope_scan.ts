/**
 * The fast way to read an envelope: one pattern for what clients really send. It knows fewer texts
 * than JSON has, never others; what it does not know goes the slow way (`envelope_text.ts`).
 *
 * @module
 */
import { MAX_NAME_BYTES } from "../base/names.ts";

/** An envelope as far as the broker looks at it. */
export interface EnvelopeHead {
  /** Unique per publisher. */
  readonly id: string;
  /** Who it is for. */
  readonly receiver: string;
  /** The canonical text of the whole envelope. */
  readonly text: string;
}

/** What was found, and where it ended. */
export interface ScannedEnvelope extends EnvelopeHead {
  /** The place in the scanned text after it. */
  readonly end: number;
}

// Printable ASCII that JSON does not escape. Base64 as the envelope wants it: right lengths
// (80, 12 and 16 bytes), and spare bits zero before padding (RFC 4648, section 3.5).
const NAME = String.raw`"([!#-\[\]-~]+)"`;
const BASE64 = "[A-Za-z0-9+/]";
const ONE_PAD = "[AEIMQUYcgkosw048]=";
const TWO_PADS = "[AQgw]==";
const ENVELOPE = new RegExp(
  String.raw`\{"message_id": ?${NAME}, ?"receiver_client_id": ?${NAME}, ?` +
    `"enc_session_key": ?"(${BASE64}{106}${ONE_PAD})", ?"nonce": ?"(${BASE64}{16})", ?` +
    `"tag": ?"(${BASE64}{21}${TWO_PADS})", ?` +
    String.raw`"ciphertext": ?"(${BASE64}*(?:${TWO_PADS}|${ONE_PAD})?)"\}`,
  "y",
);

/**
 * Reads the envelope that begins at `at`, or gives nothing when it is not one in the usual form:
 * fields in their order, at most one space after `:` and `,`, nothing escaped.
 */
export function scanEnvelope(text: string, at: number): ScannedEnvelope | undefined {
  ENVELOPE.lastIndex = at;
  const match = ENVELOPE.exec(text);
  if (match === null) return undefined;
  const [whole, id, receiver, key, nonce, tag, ciphertext] = match as unknown as string[];
  if (id!.length > MAX_NAME_BYTES || receiver!.length > MAX_NAME_BYTES) return undefined;
  if (ciphertext!.length % 4 !== 0) return undefined;
  const canonical = whole!.includes(" ")
    ? `{"message_id":"${id}","receiver_client_id":"${receiver}","enc_session_key":"${key}","nonce":"${nonce}","tag":"${tag}","ciphertext":"${ciphertext}"}`
    : whole!;
  return { id: id!, receiver: receiver!, text: canonical, end: at + whole!.length };
}
