/**
 * The fast way to read an envelope: one pattern for what clients really send. It knows fewer texts
 * than JSON has, never others; what it does not know goes the slow way (`envelope_text.ts`).
 *
 * @module
 */
import { isBase64 } from "../base/envelope.ts";
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
/** All before the ciphertext, which is as long as the message: what decodes it checks it sooner than a pattern does. */
const BEFORE_CIPHERTEXT = new RegExp(
  String.raw`\{"message_id": ?${NAME}, ?"receiver_client_id": ?${NAME}, ?` +
    `"enc_session_key": ?"${BASE64}{106}[AEIMQUYcgkosw048]=", ?"nonce": ?"${BASE64}{16}", ?` +
    `"tag": ?"${BASE64}{21}[AQgw]==", ?"ciphertext": ?"`,
  "y",
);
const AFTER_CIPHERTEXT = '"}';

/**
 * Reads the envelope that begins at `at`, or gives nothing when it is not one in the usual form:
 * fields in their order, at most one space after `:` and `,`, nothing escaped.
 */
export function scanEnvelope(text: string, at: number): ScannedEnvelope | undefined {
  BEFORE_CIPHERTEXT.lastIndex = at;
  const match = BEFORE_CIPHERTEXT.exec(text);
  if (match === null) return undefined;
  const [before, id, receiver] = match as unknown as [string, string, string];
  if (id.length > MAX_NAME_BYTES || receiver.length > MAX_NAME_BYTES) return undefined;
  const start = at + before.length;
  const quote = text.indexOf(AFTER_CIPHERTEXT, start);
  if (quote === -1 || !isBase64(text.slice(start, quote))) return undefined;
  const end = quote + AFTER_CIPHERTEXT.length;
  const whole = text.slice(at, end);
  // Neither names nor base64 have spaces: those there are stand between the fields.
  const canonical = before.includes(" ") ? whole.replaceAll(" ", "") : whole;
  return { id, receiver, text: canonical, end };
}
