/**
 * How large messages may be: sealed, as the broker counts them, and as the text somebody sends.
 *
 * @module
 */
import { DEFAULT_LIMITS } from "../base/limits.ts";

/** What an envelope has besides its ciphertext, at most, with an id that is a UUID; in bytes. */
export const ENVELOPE_BYTES = 400;

/** The largest sealed message that this client sends, in bytes; brokers mostly take less. */
export const MAX_SEALED_BYTES = DEFAULT_LIMITS.maxLineBytes / 2;

/** How many bytes of UTF-8 text fit into a sealed message of so many bytes: base64 makes 4 of 3. */
export function textBytesWithin(sealedBytes: number): number {
  return Math.max(Math.floor((sealedBytes - ENVELOPE_BYTES) / 4) * 3, 0);
}
