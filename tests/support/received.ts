/**
 * What `receive` and the original receiver write.
 *
 * @module
 */
import assert from "node:assert/strict";

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
