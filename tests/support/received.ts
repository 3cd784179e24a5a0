/**
 * What `receive` and the original receiver write.
 *
 * @module
 */
import assert from "node:assert/strict";
import { sizeOf } from "./waiting.ts";

const NEWLINE = 10;

/** The texts of lines of received messages, in their order. Throws if a line is not whole. */
export function textsOf(lines: readonly string[]): string[] {
  return lines.map((line) => {
    const { message_id, message, timestamp } = JSON.parse(line);
    assert.equal(typeof message_id, "string");
    assert.equal(typeof message, "string");
    assert(Math.abs(timestamp - Date.now() / 1000) < 600, "the timestamp is in seconds");
    return message;
  });
}

/**
 * The texts of the whole lines from byte `start` on, and where they end: there the next look at a file
 * that grows goes on.
 */
export function textsFrom(file: string, start: number): { texts: string[]; end: number } {
  const length = sizeOf(file) - start;
  if (length <= 0) return { texts: [], end: start };
  using from = Deno.openSync(file);
  from.seekSync(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  from.readSync(bytes);
  const whole = bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1);
  const lines = new TextDecoder().decode(whole).split("\n").slice(0, -1);
  return { texts: textsOf(lines), end: start + whole.length };
}

/** The texts of a file of received messages, in its order; none if it is not there yet. */
export function textsIn(file: string): string[] {
  let content;
  try {
    content = Deno.readTextFileSync(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return [];
  }
  assert(content === "" || content.endsWith("\n"), "the last line is whole");
  return textsOf(content.split("\n").slice(0, -1));
}
