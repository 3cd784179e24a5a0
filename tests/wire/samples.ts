/** Envelopes and names for the tests of `lib/wire`. @module */
import fc from "fast-check";
import type { Envelope } from "../../lib/base/envelope.ts";
import { nameProblem } from "../../lib/base/names.ts";

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
