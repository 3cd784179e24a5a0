/** Bytes and texts of fuzzed inputs. @module */
import { Buffer } from "node:buffer";

/** One after the other, in memory of their own. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Something as text that is equal for what is equal: keys in their order, bytes as text. */
export function textOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    return `bytes:${Buffer.from(value.buffer, value.byteOffset, value.length).toString("latin1")}`;
  }
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  const keys = Object.keys(value).sort();
  const fields = value as Readonly<Record<string, unknown>>;
  return `{${keys.map((key) => `${JSON.stringify(key)}:${textOf(fields[key])}`).join()}}`;
}

// Control, format and unassigned characters and line separators: nothing of what a peer sent may
// bring them into a text that a person or another peer reads.
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Fails if a text that somebody else reads has a control character. */
export function requirePrintable(text: string): void {
  if (CONTROL.test(text)) {
    throw new Error(`a text with control characters: ${JSON.stringify(text)}`);
  }
}
