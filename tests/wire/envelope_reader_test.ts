/** Tests of `lib/wire/envelope_reader.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { envelopeText } from "../../lib/base/envelope.ts";
import { EnvelopeReader } from "../../lib/wire/envelope_reader.ts";
import { pythonJson, sampleEnvelope } from "../support/sample_envelope.ts";
import { envelopes } from "./samples.ts";

Deno.test("an envelope is read from JSON of any form", () => {
  const reader = new EnvelopeReader();
  fc.assert(fc.property(envelopes, (envelope) => {
    const reversed = Object.fromEntries(Object.entries(envelope).reverse());
    const forms = [
      JSON.stringify(envelope),
      pythonJson(envelope),
      JSON.stringify(reversed, null, 2),
    ];
    for (const form of forms) {
      assert.deepEqual(reader.read(form), envelope);
    }
  }));
});

Deno.test("messages under different session keys do not get each other's", () => {
  const reader = new EnvelopeReader();
  for (const fill of [1, 1, 2, 1]) {
    const envelope = sampleEnvelope({ enc_session_key: new Uint8Array(80).fill(fill).toBase64() });
    assert.deepEqual(reader.read(JSON.stringify(envelope)), envelope);
  }
});

Deno.test("what is no envelope, or has something behind it, is refused with the reason", () => {
  const reader = new EnvelopeReader();
  const text = envelopeText(sampleEnvelope());
  const altered = [
    [`${text} {}`, /not valid JSON/],
    [text.slice(0, -1), /not valid JSON/],
    [text.replace("YWJj", "YW j"), /ciphertext is not base64/],
    [text.replace("YWJj", "YWJ="), /ciphertext is not base64/],
    [text.replace("{", '{"more":1,'), /just six fields/],
    ["{}", /message_id is missing/],
  ] as const;
  for (const [line, message] of altered) {
    assert.throws(() => reader.read(line), { code: "invalid_message", message });
  }
});
