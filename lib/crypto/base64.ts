/**
 * Base64 as the envelope and the key files have it: standard alphabet, padded, and one text only for
 * the same bytes (RFC 4648, sections 3.5 and 4).
 *
 * @module
 */
import { Buffer } from "node:buffer";

/**
 * Decodes `text`, or gives nothing unless it is what encoding gives: `Buffer` alone passes over
 * foreign characters and leftover bits, so that an altered text could stand for the same bytes.
 */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
