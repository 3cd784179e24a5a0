/**
 * What travels through a broker that does not encrypt: the bare text, or the very envelope that
 * CipherMQ's clients would have made.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { envelopeText } from "../../lib/base/envelope.ts";
import { EnvelopeOpener, EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { readPrivateKey, readPublicKey } from "../../lib/crypto/key_file.ts";
import { parseEnvelope } from "../../lib/wire/envelope_text.ts";
import { RECEIVER } from "./client.ts";
import type { Place, Workload } from "./task.ts";

/** Makes the bytes of texts. */
export function wrapping(place: Place, { sealed }: Workload): (text: string) => Buffer {
  if (!sealed) return (text) => Buffer.from(text);
  const publicKey = readPublicKey(`${place.folder}/certs/${RECEIVER}_public.key`);
  const sealer = new EnvelopeSealer({ receiver: RECEIVER, publicKey });
  return (text) => Buffer.from(envelopeText(sealer.seal(text)));
}

/** Makes texts of the bytes. */
export function unwrapping(place: Place, { sealed }: Workload): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder();
  if (!sealed) return (bytes) => decoder.decode(bytes);
  const opener = new EnvelopeOpener(
    readPrivateKey(`${place.folder}/certs/${RECEIVER}_private.key`),
  );
  return (bytes) => opener.open(parseEnvelope(decoder.decode(bytes)));
}
