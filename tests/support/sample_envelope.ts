/**
 * An envelope for tests that read envelopes. Not beside the samples that are made by fast-check, which
 * takes a second to start.
 *
 * @module
 */
import type { Envelope } from "../../lib/base/envelope.ts";

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

/** JSON as Python's `json.dumps` spaces it. */
export function pythonJson(value: object): string {
  return JSON.stringify(value, null, 1).replace(/\n */g, " ").replace(/([[{]) | (?=[\]}])/g, "$1");
}
