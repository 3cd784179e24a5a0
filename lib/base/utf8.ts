/**
 * Text out of UTF-8, strictly and fast.
 *
 * @module
 */

// A byte order mark is part of the text, not of the encoding.
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/**
 * The text that `bytes` are the UTF-8 of, a byte order mark included, or nothing when they are not
 * UTF-8.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { fromUtf8 } from "./utf8.ts";
 *
 * assert(fromUtf8(Uint8Array.of(0xc3, 0xa9)) === "é");
 * assert(fromUtf8(Uint8Array.of(0xc3)) === undefined);
 * ```
 */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  // A strict decoder costs several times as much as one that replaces what is wrong by U+FFFD. So
  // look for that character first, and be strict only where it appears.
  const text = lenient.decode(bytes);
  if (!text.includes("\uFFFD")) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
