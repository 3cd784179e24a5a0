/**
 * Opening what arrives at a receiver: nothing but what was sealed ever opens.
 *
 * @module
 */
import { fromBase64 } from "../../lib/base/bytes.ts";
import type { Envelope } from "../../lib/base/envelope.ts";
import { EnvelopeOpener } from "../../lib/crypto/envelope.ts";
import { parseEnvelope } from "../../lib/wire/envelope_text.ts";
import { VECTORS } from "./corpus.ts";
import { unless } from "./envelope_target.ts";
import { mutate } from "./mutator.ts";
import type { Random } from "./random.ts";
import type { Target } from "./target.ts";

const SECRET = ["enc_session_key", "nonce", "tag", "ciphertext"] as const;

/** The vectors that have not too much text, by their place in the first byte of an input. */
const SEALED = VECTORS.filter(({ envelope }) => envelope.ciphertext.length < 1_000);

/** An input is the place of a vector, then the bytes of the four fields one after the other. */
const SAMPLES = SEALED.map(({ envelope }, place) => {
  const fields = SECRET.map((field) => [...Uint8Array.fromBase64(envelope[field])]);
  return Uint8Array.from([place, ...fields.flat()]);
});

function make(random: Random): Uint8Array {
  const bytes = mutate(random, { samples: SAMPLES, words: ["{}"], maxBytes: 2_000 });
  // Mostly of one vector, as somebody would who changes a message on its way.
  if (bytes.length > 0 && !random.oneIn(10)) bytes[0] = bytes[0]! % SEALED.length;
  return bytes;
}

function check(input: Uint8Array, random: Random): void {
  const sealed = SEALED[input[0] ?? 0] ?? random.pick(SEALED);
  const bounds = [1, 81, 93, 109, Math.max(109, input.length)];
  const fields = SECRET.map((field, i) =>
    [field, input.slice(bounds[i], bounds[i + 1]).toBase64()] as const
  );
  const envelope: Envelope = { ...sealed.envelope, ...Object.fromEntries(fields) };
  // What is no envelope is refused before it comes here; opening it must be refused all the same.
  const isForm = unless("invalid_message", () => parseEnvelope(JSON.stringify(envelope)));
  const opener = new EnvelopeOpener(fromBase64(sealed.receiver_private_key, 32)!);
  const text = unless("cryptographic", () => opener.open(envelope));
  const isSealed = isForm !== undefined &&
    SECRET.every((field) => envelope[field] === sealed.envelope[field]);
  if (text === (isSealed ? sealed.plaintext : undefined)) return;
  throw new Error(isSealed ? "what was sealed does not open" : "what was not sealed opens");
}

/** What comes to a receiver. */
export const openingTarget: Target = { name: "opening", share: 14, make, check };
