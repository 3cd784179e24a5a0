/**
 * Names, numbers, base64, reasons and lines as `docs/protocol.md` has them, in the most naive way.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** "1 to 255 bytes of UTF-8, and no space, control character, … (Unicode categories C and Z)". */
export function isName(text: string): boolean {
  const bytes = utf8Length(text);
  if (bytes < 1 || bytes > 255) return false;
  return [...text].every((character) => !/\p{C}/u.test(character) && !/\p{Z}/u.test(character));
}

/** "1 to 200 characters …, spaces included, without control, formatting, … and line separators". */
export function isReason(text: string): boolean {
  const characters = [...text];
  if (characters.length < 1 || characters.length > 200) return false;
  return characters.every((character) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(character));
}

/** "decimal digits, without a sign and without leading zeros, up to 9007199254740991". */
export function wholeNumber(text: string): number | undefined {
  for (const digit of text) if (!"0123456789".includes(digit)) return undefined;
  if (text === "" || (text.length > 1 && text[0] === "0")) return undefined;
  const value = BigInt(text);
  return value <= 9007199254740991n ? Number(value) : undefined;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** "the standard alphabet with padding …, without spaces …, the unused bits … zero". */
export function base64Bytes(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text.slice(0, text.length - padding)) {
    const value = ALPHABET.indexOf(letter);
    if (value === -1) return undefined;
    held = held * 64 + value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(Math.floor(held / 2 ** bits));
    held %= 2 ** bits;
  }
  return held === 0 ? Uint8Array.from(bytes) : undefined;
}

/** A line, one that is not UTF-8, or one that is too long, after which there is none. */
export type ReferenceLine = { readonly text: string } | "not UTF-8" | "too long";

/** Cuts all that was ever sent into lines. */
export function linesOf(stream: Uint8Array, maxLineBytes: number): ReferenceLine[] {
  const lines: ReferenceLine[] = [];
  for (let start = 0; start < stream.length;) {
    const newline = stream.indexOf(10, start);
    let end = newline === -1 ? stream.length : newline;
    if (end > start && stream[end - 1] === 13) end--;
    if (end - start > maxLineBytes) return [...lines, "too long"];
    if (newline === -1) return lines;
    lines.push(decoded(stream.subarray(start, end)));
    start = newline + 1;
  }
  return lines;
}

function decoded(bytes: Uint8Array): ReferenceLine {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return "not UTF-8";
  }
}
