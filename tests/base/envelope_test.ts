/**
 * Tests of the seed envelope's form.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { type Envelope, envelopeText, isBase64, toEnvelope } from "../../lib/base/envelope.ts";
import { CipherMqError } from "../../lib/base/errors.ts";

const VALID: Envelope = {
  message_id: "5b3ff1ca-26de-4b77-a721-9951e2a0e108",
  receiver_client_id: "CipherMQ-Receiver",
  enc_session_key: Buffer.alloc(80, 1).toString("base64"),
  nonce: Buffer.alloc(12, 2).toString("base64"),
  tag: Buffer.alloc(16, 3).toString("base64"),
  ciphertext: Buffer.from("hello").toString("base64"),
};

/** Holds that `value` is refused as an envelope because of `why`. */
function refused(value: unknown, why: string): void {
  assert.throws(() => toEnvelope(value), (error: unknown) => {
    assert.ok(error instanceof CipherMqError);
    assert.equal(error.code, "invalid_message");
    assert.equal(error.message, why);
    return true;
  });
}

Deno.test("a well-formed envelope is taken as it is", () => {
  assert.deepEqual(toEnvelope(JSON.parse(JSON.stringify(VALID))), VALID);
});

Deno.test("an empty ciphertext is well-formed: an empty text has one", () => {
  assert.equal(toEnvelope({ ...VALID, ciphertext: "" }).ciphertext, "");
});

Deno.test("the fields of an envelope may come in any order", () => {
  const reversed = Object.fromEntries(Object.entries(VALID).reverse());
  assert.deepEqual(toEnvelope(reversed), VALID);
});

Deno.test("what is not a JSON object is no envelope", () => {
  for (const value of [null, undefined, 1, "text", true, [], [VALID]]) {
    refused(value, "an envelope is a JSON object");
  }
});

Deno.test("an envelope without one of its fields is refused by the field's name", () => {
  for (const field of Object.keys(VALID) as (keyof Envelope)[]) {
    const { [field]: _, ...rest } = VALID;
    refused(rest, `${field} is missing or not a string`);
    for (const value of [null, 7, true, [], {}]) {
      refused({ ...VALID, [field]: value }, `${field} is missing or not a string`);
    }
  }
});

Deno.test("an envelope with a field that the format lacks is refused", () => {
  refused({ ...VALID, extra: "" }, "an envelope has just six fields");
  refused(
    JSON.parse(JSON.stringify(VALID).replace("{", '{"__proto__":{},')),
    "an envelope has just six fields",
  );
});

Deno.test("an envelope's names are held to the rule for names", () => {
  for (const field of ["message_id", "receiver_client_id"] as const) {
    refused({ ...VALID, [field]: "" }, `${field} is empty`);
    refused({ ...VALID, [field]: "a\nb" }, `${field} has a space or control character`);
    refused({ ...VALID, [field]: "a".repeat(256) }, `${field} is longer than 255 bytes`);
  }
});

Deno.test("an envelope's fields of fixed length have just that length", () => {
  for (const [field, bytes] of [["enc_session_key", 80], ["nonce", 12], ["tag", 16]] as const) {
    for (const other of [0, bytes - 1, bytes + 1, bytes * 2]) {
      const value = Buffer.alloc(other).toString("base64");
      refused({ ...VALID, [field]: value }, `${field} is not ${bytes} bytes`);
    }
  }
});

Deno.test("what is not standard, padded base64 is refused in every binary field", () => {
  const wrong = [
    "A",
    "AA",
    "AAA",
    "AAA-",
    "AA_A",
    "AA A",
    "AAAA\n",
    "A===",
    "=AAA",
    "====",
    "==",
    "é",
  ]
    .concat(["AA=A", "AAA=AAA=", "AAAAA===", "AAAA====", " AAA", "AA\0="]);
  for (const field of ["enc_session_key", "nonce", "tag", "ciphertext"] as const) {
    for (const value of wrong) refused({ ...VALID, [field]: value }, `${field} is not base64`);
  }
});

Deno.test("base64 is taken just when encoding its bytes gives the same text", () => {
  const alphabet = fc.constantFrom(..."ABQgwEz09+/=");
  fc.assert(
    fc.property(fc.string({ unit: alphabet, maxLength: 12 }), (ciphertext) => {
      const canonical = Buffer.from(ciphertext, "base64").toString("base64") === ciphertext;
      if (canonical) assert.equal(toEnvelope({ ...VALID, ciphertext }).ciphertext, ciphertext);
      else refused({ ...VALID, ciphertext }, "ciphertext is not base64");
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("every length of ciphertext is taken", () => {
  for (let bytes = 0; bytes < 100; bytes++) {
    toEnvelope({ ...VALID, ciphertext: Buffer.alloc(bytes, 0xff).toString("base64") });
  }
});

Deno.test("a ciphertext of a megabyte is checked without trouble", () => {
  const ciphertext = Buffer.alloc(1024 * 1024, 7).toString("base64");
  assert.equal(toEnvelope({ ...VALID, ciphertext }).ciphertext, ciphertext);
  refused({ ...VALID, ciphertext: `${ciphertext.slice(0, -1)}!` }, "ciphertext is not base64");
});

Deno.test("the text of an envelope is its JSON: fields in their order, no spaces", () => {
  assert.equal(envelopeText(VALID), JSON.stringify(VALID));
  const reversed = Object.fromEntries(Object.entries(VALID).reverse());
  assert.equal(envelopeText(toEnvelope(reversed)), JSON.stringify(VALID));
});

Deno.test("names with quotes, backslashes and other scripts survive the text of an envelope", () => {
  const name = fc.stringMatching(/^[!-~é🚀]{1,20}$/u);
  fc.assert(fc.property(name, name, (message_id, receiver_client_id) => {
    const envelope = { ...VALID, message_id, receiver_client_id };
    assert.deepEqual(toEnvelope(JSON.parse(envelopeText(envelope))), envelope);
  }));
});

Deno.test("base64 is taken as the standard has it, of any length, and nothing in it is skipped", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const extra = fc.constantFrom(" ", "\n", "=", "-", "é", "    ", "\n\n\n\n");
  fc.assert(fc.property(bytes, fc.boolean(), extra, fc.nat(), (bytes, long, extra, at) => {
    const all = long ? new Uint8Array([...new Uint8Array(60_000), ...bytes]) : bytes;
    const text = all.toBase64();
    assert(isBase64(text));
    const place = at % (text.length + 1);
    assert(!isBase64(text.slice(0, place) + extra + text.slice(place)));
  }));
  assert(!isBase64("AB=="), "spare bits are set");
  assert(!isBase64("AA"), "padding is missing");
});
