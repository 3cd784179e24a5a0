/** Envelopes and names for the tests of `lib/wire`. @module */
import fc from "fast-check";
import type { Envelope } from "../../lib/base/envelope.ts";
import { nameProblem } from "../../lib/base/names.ts";

/** A well-formed envelope, with what the test wants different. */
export function sampleEnvelope(changes: Partial<Record<string, unknown>> = {}): Envelope {
  return {
    message_id: "5b3ff1ca-26de-4b77-a721-9951e2a0e108",
    receiver_client_id: "CipherMQ-Receiver",
    enc_session_key: new Uint8Array(80).fill(7).toBase64(),
    nonce: new Uint8Array(12).fill(8).toBase64(),
    tag: new Uint8Array(16).fill(9).toBase64(),
    ciphertext: "YWJj",
    ...changes,
  } as Envelope;
}

/** JSON as Python's `json.dumps` writes it. */
export function pythonJson(value: object): string {
  return JSON.stringify(value, null, 1).replace(/\n */g, " ").replace(/([[{]) | (?=[\]}])/g, "$1");
}

/** UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The text of UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Names, tame and wild. */
export const names: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("a", "orders.eu", 'quo"te', "back\\slash", "__proto__", "constructor", "é😀"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
).filter((name) => nameProblem(name) === undefined);

/** Well-formed envelopes. */
export const envelopes: fc.Arbitrary<Envelope> = fc
  .record({
    message_id: names,
    receiver_client_id: names,
    enc_session_key: fc.uint8Array({ minLength: 80, maxLength: 80 }),
    nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
    tag: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    ciphertext: fc.uint8Array({ maxLength: 300 }),
  })
  .map((e) => ({
    ...e,
    enc_session_key: e.enc_session_key.toBase64(),
    nonce: e.nonce.toBase64(),
    tag: e.tag.toBase64(),
    ciphertext: e.ciphertext.toBase64(),
  }));
