/** Tests of `lib/wire/envelope_text.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { envelopeText } from "../../lib/base/envelope.ts";
import { parseEnvelope, readBatch, readEnvelope } from "../../lib/wire/envelope_text.ts";
import { pythonJson, sampleEnvelope } from "../support/sample_envelope.ts";
import { envelopes } from "./samples.ts";

const GOOD = JSON.stringify(sampleEnvelope());

function refused(text: string, why: string | RegExp): void {
  const expected = { code: "invalid_message", message: why };
  assert.throws(() => parseEnvelope(text), expected);
  assert.throws(() => readEnvelope(text), expected);
}

function batchRefused(text: string, why: string, maxMessages = 10): void {
  assert.throws(() => readBatch(text, maxMessages), { code: "invalid_message", message: why });
}

Deno.test("an envelope is read to its canonical text, whatever its spacing and order", () => {
  const spacing = fc.constantFrom(undefined, 1, "\t");
  fc.assert(fc.property(envelopes, spacing, fc.boolean(), (envelope, indent, reverse) => {
    const fields = Object.entries(envelope);
    const text = JSON.stringify(
      Object.fromEntries(reverse ? fields.reverse() : fields),
      null,
      indent,
    );
    assert.deepEqual(parseEnvelope(text), envelope);
    assert.deepEqual({ ...readEnvelope(text), end: 0 }, {
      id: envelope.message_id,
      receiver: envelope.receiver_client_id,
      text: envelopeText(envelope),
      end: 0,
    });
  }));
});

Deno.test("every field must be there, of its kind and length", () => {
  for (const field of Object.keys(sampleEnvelope())) {
    for (const value of [undefined, null, 5, {}, true]) {
      const text = JSON.stringify(sampleEnvelope({ [field]: value }));
      refused(text, /is missing or not a string|nested too deep/);
    }
  }
  const tooShort = (bytes: number) => new Uint8Array(bytes - 1).toBase64();
  for (const [field, bytes] of [["enc_session_key", 80], ["nonce", 12], ["tag", 16]] as const) {
    const text = JSON.stringify(sampleEnvelope({ [field]: tooShort(bytes) }));
    refused(text, `${field} is not ${bytes} bytes`);
  }
  refused(JSON.stringify(sampleEnvelope({ nonce: "????????????????" })), "nonce is not base64");
});

Deno.test("names in an envelope are names", () => {
  for (const name of ["a b", "a\nb", "a\0b", "a\u2028b", "\ud800", "\u202e"]) {
    const text = JSON.stringify(sampleEnvelope({ message_id: name }));
    refused(text, "message_id has a space or control character");
  }
  refused(JSON.stringify(sampleEnvelope({ receiver_client_id: "" })), /is empty/);
});

Deno.test("fields that the format does not have are refused", () => {
  refused(JSON.stringify(sampleEnvelope({ extra: "x" })), "an envelope has just six fields");
  refused(GOOD.replace("{", '{"__proto__":"x",'), "an envelope has just six fields");
});

Deno.test("a repeated key is refused, for nobody can say which one is meant", () => {
  const text = GOOD.replace("{", '{"message_id":"other",');
  refused(text, "an envelope has just six fields");
});

Deno.test("__proto__ gives no fields and pollutes nothing", () => {
  const { tag, ...rest } = sampleEnvelope();
  const inherited = JSON.stringify(rest).replace("{", `{"__proto__":"${tag}",`);
  refused(inherited, "tag is missing or not a string");
  refused(`{"__proto__":${GOOD}}`, "nested too deep");
  refused('{"constructor":"x"}', "message_id is missing or not a string");
  assert.equal(({} as Record<string, unknown>).tag, undefined);
  assert.equal(Object.getPrototypeOf(readEnvelope(GOOD)), Object.prototype);
});

Deno.test("what is not JSON is refused without repeating it", () => {
  for (
    const text of ["{", "secret", '{"a":secret}', `${GOOD}secret`, "\0", "{'a':1}"]
  ) {
    refused(text, "not valid JSON");
  }
  refused("5", "an envelope is a JSON object");
  refused("[]", "an envelope is a JSON object");
});

Deno.test("deep or wide JSON is refused before it is parsed", () => {
  const wide = `{${'"a":1,'.repeat(100_000)}"a":1}`;
  const parse = JSON.parse;
  JSON.parse = () => assert.fail("was parsed");
  try {
    refused("[".repeat(1_000_000), "nested too deep");
    refused('{"a":'.repeat(1_000_000), "nested too deep");
    refused(wide, "an envelope has just six fields");
    batchRefused("[".repeat(1_000_000), "nested too deep");
    batchRefused('[{"a":[', "nested too deep");
    batchRefused(`[${"{},".repeat(1_000_000)}{}]`, "more than 10 messages");
    batchRefused(`[${wide}]`, "more than 10 messages");
  } finally {
    JSON.parse = parse;
  }
});

Deno.test("a batch is read like its envelopes", () => {
  const batches = fc.array(envelopes, { minLength: 1, maxLength: 5 });
  const form = fc.constantFrom(
    (batch: object) => JSON.stringify(batch),
    pythonJson,
    (batch: object) => JSON.stringify(batch, null, "\t"),
  );
  fc.assert(fc.property(batches, form, (batch, write) => {
    const read = readBatch(write(batch), 5);
    assert.deepEqual(read.map((head) => head.text), batch.map(envelopeText));
    assert.deepEqual(read.map((head) => head.id), batch.map((e) => e.message_id));
  }));
});

Deno.test("a batch has as many messages as allowed, and no more", () => {
  const batch = (count: number) => `[${Array(count).fill(GOOD).join(",")}]`;
  assert.equal(readBatch(batch(10), 10).length, 10);
  batchRefused(batch(11), "more than 10 messages");
  batchRefused(`[${Array(11).fill("1").join(",")}]`, "more than 10 messages");
  batchRefused("[]", "a batch has at least one message");
});

Deno.test("a bad envelope spoils its batch and is named by its place", () => {
  const bad = JSON.stringify(sampleEnvelope({ tag: "" }));
  batchRefused(`[${GOOD},${bad},${GOOD}]`, "message 1: tag is not 16 bytes");
  batchRefused("[5]", "message 0: an envelope is a JSON object");
  batchRefused(`[${GOOD},null]`, "message 1: an envelope is a JSON object");
});

Deno.test("a repeated key spoils a batch as it does an envelope, however long a batch may be", () => {
  const twice = GOOD.replace("{", '{"nonce":"",');
  const both = [`[${twice}]`, `[${GOOD},${twice}]`, `[${GOOD}, ${GOOD.replace("{", '{"tag":1,')}]`];
  for (const batch of both) batchRefused(batch, "an envelope has just six fields, each once");
});

Deno.test("what is no array of envelopes is no batch", () => {
  batchRefused(GOOD, "a batch is a JSON array");
  for (const tail of ["", ",", "]]", "]x", ",]", "  ,]", `${GOOD}]`]) {
    batchRefused(`[${GOOD}${tail}`, "not valid JSON");
  }
});
