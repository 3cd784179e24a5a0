/**
 * Envelopes as `docs/protocol.md` has them, in the most naive way.
 *
 * @module
 */
import { base64Bytes, isName, utf8Length } from "./reference_names.ts";

/** An envelope that the broker takes. */
export interface ReferenceEnvelope {
  readonly id: string;
  readonly receiver: string;
  /** Its JSON without spaces, fields in their order. */
  readonly text: string;
}

const FIELDS = [
  "message_id",
  "receiver_client_id",
  "enc_session_key",
  "nonce",
  "tag",
  "ciphertext",
];
const BYTES: Readonly<Record<string, number>> = { enc_session_key: 80, nonce: 12, tag: 16 };

/** Members of objects and elements of arrays, all together, in valid JSON: one more than commas each. */
function commasIn(json: string): number {
  return json.replace(/"(?:[^"\\]|\\.)*"/gs, "").split(",").length - 1;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function envelopeOf(value: unknown): ReferenceEnvelope | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(fields);
  if (keys.length !== 6 || !FIELDS.every((field) => keys.includes(field))) return undefined;
  for (const field of FIELDS) {
    const text = fields[field];
    if (typeof text !== "string") return undefined;
    if (field.endsWith("_id")) {
      if (!isName(text)) return undefined;
      continue;
    }
    const bytes = base64Bytes(text);
    if (bytes === undefined || bytes.length !== (BYTES[field] ?? bytes.length)) return undefined;
  }
  const text = JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, fields[field]])));
  return { id: fields.message_id as string, receiver: fields.receiver_client_id as string, text };
}

/** The envelope that `json` is; nothing for anything else, a repeated field included. */
export function referenceEnvelope(json: string): ReferenceEnvelope | undefined {
  const envelope = envelopeOf(parsed(json));
  return envelope !== undefined && commasIn(json) === 5 ? envelope : undefined;
}

/** The envelopes of a batch; nothing unless it is an array of one to `most` of them. */
export function referenceBatch(json: string, most: number): ReferenceEnvelope[] | undefined {
  const values = parsed(json);
  if (!Array.isArray(values) || values.length === 0 || values.length > most) return undefined;
  const envelopes = values.map(envelopeOf);
  const whole = envelopes.filter((envelope) => envelope !== undefined);
  if (whole.length !== values.length) return undefined;
  return commasIn(json) === values.length * 6 - 1 ? whole : undefined;
}

/** "one envelope, as JSON without spaces". */
export function isTooLarge(envelope: ReferenceEnvelope, maxMessageBytes: number): boolean {
  return utf8Length(envelope.text) > maxMessageBytes;
}
