/** Tests of `lib/wire/envelope_scan.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { envelopeText, toEnvelope } from "../../lib/base/envelope.ts";
import { scanEnvelope } from "../../lib/wire/envelope_scan.ts";
import { pythonJson, sampleEnvelope } from "../support/sample_envelope.ts";
import { envelopes } from "./samples.ts";

/** What the slow way says: the canonical text, or nothing. */
function slowly(text: string): string | undefined {
  try {
    return envelopeText(toEnvelope(JSON.parse(text)));
  } catch {
    return undefined;
  }
}

Deno.test("the usual forms are scanned, wherever they begin", () => {
  const envelope = sampleEnvelope();
  for (const text of [envelopeText(envelope), JSON.stringify(envelope), pythonJson(envelope)]) {
    assert.deepEqual(scanEnvelope(`[${text},`, 1), {
      id: envelope.message_id,
      receiver: envelope.receiver_client_id,
      text: envelopeText(envelope),
      end: 1 + text.length,
    });
  }
});

Deno.test("what is scanned is what the slow way makes of it", () => {
  fc.assert(fc.property(envelopes, fc.boolean(), (envelope, python) => {
    const text = python ? pythonJson(envelope) : JSON.stringify(envelope);
    const scanned = scanEnvelope(text, 0);
    if (scanned === undefined) {
      // Only names that are escaped, or not ASCII, are too much for it.
      return assert.match(envelope.message_id + envelope.receiver_client_id, /[^!#-[\]-~]/);
    }
    assert.equal(scanned.text, slowly(text));
    assert.equal(scanned.id, envelope.message_id);
    assert.equal(scanned.receiver, envelope.receiver_client_id);
  }));
});

Deno.test("a text changed in one place is not scanned, or means what the slow way says", () => {
  const text = pythonJson(sampleEnvelope());
  const replacement = fc.constantFrom("", " ", '"', "=", "A", "B", "\\", ",", "{", "}", "é", "\0");
  const place = fc.nat(text.length - 1);
  fc.assert(
    fc.property(place, fc.nat(2), replacement, (at, removed, inserted) => {
      const changed = text.slice(0, at) + inserted + text.slice(at + removed);
      const scanned = scanEnvelope(changed, 0);
      if (scanned?.end === changed.length) assert.equal(scanned.text, slowly(changed));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("names that are too long and base64 of a wrong length go the slow way", () => {
  for (
    const changes of [
      { message_id: "x".repeat(256) },
      { receiver_client_id: "x".repeat(256) },
      { ciphertext: "YWJ" },
      { ciphertext: "YWJjY" },
      { ciphertext: "YWJjYR==" },
    ]
  ) {
    assert.equal(scanEnvelope(JSON.stringify(sampleEnvelope(changes)), 0), undefined);
  }
});

Deno.test("a ciphertext of 12 MiB is scanned", () => {
  const envelope = sampleEnvelope({ ciphertext: "A".repeat(12 * 1024 * 1024) });
  const text = envelopeText(envelope);
  assert.equal(scanEnvelope(text, 0)?.end, text.length);
  // And one that ends badly is given up in reasonable time.
  assert.equal(scanEnvelope(`${text.slice(0, -2)}!"}`, 0), undefined);
});
