/**
 * Envelopes in JSON: the quick way to read them, the slow one, and batches.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import { scanEnvelope } from "../../lib/wire/envelope_scan.ts";
import { readBatch, readEnvelope } from "../../lib/wire/envelope_text.ts";
import { requirePrintable } from "./bytes.ts";
import { ENVELOPES, PROTOCOL_WORDS, utf8 } from "./corpus.ts";
import { mutate } from "./mutator.ts";
import type { Random } from "./random.ts";
import { referenceBatch, referenceEnvelope } from "./reference_envelope.ts";
import type { Target } from "./target.ts";

const MATERIAL = {
  samples: [...ENVELOPES, `[${ENVELOPES[0]},${ENVELOPES[1]}, ${ENVELOPES[2]}]`].map(utf8),
  words: PROTOCOL_WORDS,
  maxBytes: 4_096,
};
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What `read` gives, or nothing when it refuses in the way it should. */
export function unless<T>(code: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CipherMqError) || error.code !== code) throw error;
    requirePrintable(error.message);
    return undefined;
  }
}

function same(what: string, found: string | undefined, expected: string | undefined): void {
  if (found === expected) return;
  throw new Error(`${what}: ${found}, the reference has ${expected}`);
}

function check(input: Uint8Array, random: Random): void {
  const text = decoder.decode(input);
  const expected = referenceEnvelope(text);
  const found = unless("invalid_message", () => readEnvelope(text));
  same("text", found?.text, expected?.text);
  same("id", found?.id, expected?.id);
  same("receiver", found?.receiver, expected?.receiver);
  const most = random.pick([1, 2, 3, 10_000]);
  const batch = unless("invalid_message", () => readBatch(text, most));
  const texts = (all?: readonly { readonly text: string }[]) => all?.map((one) => one.text).join();
  same("batch", texts(batch), texts(referenceBatch(text, most)));
  const at = random.below(text.length + 1);
  const scanned = scanEnvelope(text, at);
  if (scanned === undefined) return;
  same("scanned", scanned.text, referenceEnvelope(text.slice(at, scanned.end))?.text);
}

/** What a client says an envelope is. */
export const envelopeTarget: Target = {
  name: "envelope",
  share: 330,
  make: (random) => mutate(random, MATERIAL),
  check,
};
