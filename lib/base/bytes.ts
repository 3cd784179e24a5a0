/**
 * Bytes: a growing writer, comparison, and base64.
 *
 * @module
 */

const FIRST_CAPACITY = 1024;
const MAX_FIRST_CAPACITY = 65_536;
const MAX_GROWTH = 4 * 1024 * 1024;
const MAX_KEPT_CAPACITY = 4096;
const NOTHING = new Uint8Array(0);
const STRICT = { lastChunkHandling: "strict" } as const;
const MAX_ASCII = 127;
/** Up to so many characters the encoder, and the view of the buffer that it needs, cost more than a loop. */
const MAX_SHORT = 64;
const encoder = new TextEncoder();

/**
 * Collects bytes until somebody takes them, then starts anew.
 *
 * The buffer doubles up to 4 MiB, then grows by 4 MiB at a time, so that at most that much is
 * spare. A writer whose bytes were taken keeps at most 4 KiB, so that thousands of idle
 * connections may own one each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ByteWriter } from "./bytes.ts";
 *
 * const writer = new ByteWriter();
 * writer.text("ACK 1");
 * writer.byte(10);
 * assert(writer.take().length === 6);
 * assert(writer.length === 0);
 * ```
 */
export class ByteWriter {
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  #length = 0;
  #firstCapacity = FIRST_CAPACITY;

  /** Bytes written and not taken yet. */
  get length(): number {
    return this.#length;
  }

  /** Appends one byte, 0 to 255. */
  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** Appends a copy of `bytes`. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends `text` as UTF-8. A surrogate without its other half becomes U+FFFD. */
  text(text: string): void {
    // Nearly all texts are ASCII; the others need at most three bytes per UTF-16 unit.
    this.#reserve(text.length);
    const read = text.length <= MAX_SHORT ? this.#copyAscii(text) : this.#encode(text);
    if (read === text.length) return;
    const rest = text.slice(read);
    this.#reserve(rest.length * 3);
    this.#encode(rest);
  }

  /** The bytes written, which now belong to the caller. The writer is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer;
    const length = this.#length;
    this.#length = 0;
    this.#firstCapacity = Math.min(Math.max(length, FIRST_CAPACITY), MAX_FIRST_CAPACITY);
    if (buffer.length <= MAX_KEPT_CAPACITY) return buffer.slice(0, length);
    this.#buffer = NOTHING;
    // What is handed over must not be much larger than what was written.
    return length * 2 < buffer.length ? buffer.slice(0, length) : buffer.subarray(0, length);
  }

  /** Takes the ASCII that `text` begins with: how many characters that are. */
  #copyAscii(text: string): number {
    const buffer = this.#buffer;
    const start = this.#length;
    let read = 0;
    for (; read < text.length; read++) {
      const unit = text.charCodeAt(read);
      if (unit > MAX_ASCII) break;
      buffer[start + read] = unit;
    }
    this.#length = start + read;
    return read;
  }

  #encode(text: string): number {
    const { read, written } = encoder.encodeInto(text, this.#buffer.subarray(this.#length));
    this.#length += written;
    return read;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    const capacity = this.#buffer.length;
    if (needed <= capacity) return;
    const grown = capacity + Math.min(capacity, MAX_GROWTH);
    const larger = new Uint8Array(Math.max(needed, grown, this.#firstCapacity));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Whether two byte strings are the same. Not for secrets: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The standard base64 of `bytes`, with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** How many characters the standard base64 of so many bytes has, padding included. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** How many bytes `text` stands for, if it is base64 with padding. */
export function decodedLength(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/**
 * The `length` bytes that `text` is the standard base64 of (RFC 4648, section 4), or nothing when it
 * is not: wrong length, padding missing, spaces, or spare bits that are not zero.
 *
 * They are the beginning of `target`, if it is large enough: that spares memory where they are needed
 * for a moment only. Default: new memory.
 */
export function fromBase64(
  text: string,
  length: number,
  target: Uint8Array<ArrayBuffer> = NOTHING,
): Uint8Array<ArrayBuffer> | undefined {
  if (text.length !== base64Length(length)) return undefined;
  const bytes = length <= target.length ? target : new Uint8Array(length);
  try {
    const { written } = bytes.setFromBase64(text, STRICT);
    return written === length ? bytes.subarray(0, length) : undefined;
  } catch {
    return undefined;
  }
}
