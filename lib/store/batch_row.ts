/**
 * How messages of one lane share a row: the heads as text, the bodies back to back.
 *
 * The heads are one line a message, `id publisher size checksum`; names have neither spaces nor line
 * ends. The bodies have an index before them: `n + 1` unsigned 32-bit little-endian numbers, the first
 * where the first body begins, the others where each body ends, counted from the row's beginning.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { Change } from "../core/effect.ts";
import type { MessageHead } from "../core/message.ts";

/** A message that joins its lane. */
export type Enqueued = Extract<Change, { kind: "enqueued" }>;

/** The most bytes of bodies in a row; a larger body has a row of its own. */
export const MAX_ROW_BYTES = 128 * 1024;
/** The most messages in a row. */
export const MAX_ROW_MESSAGES = 2_000;

const WORD = 4;
const SEPARATOR = /[ \n]/;

/** Splits messages of one lane into the messages of rows. */
export function* rowsOf(messages: readonly Enqueued[]): Generator<readonly Enqueued[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, { body }] of messages.entries()) {
    const full = bytes + body.byteLength > MAX_ROW_BYTES || index - start === MAX_ROW_MESSAGES;
    if (full && index > start) {
      yield messages.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += body.byteLength;
  }
  if (start < messages.length) yield messages.slice(start);
}

/** The heads of a row's messages as text. */
export function headsText(messages: readonly Enqueued[]): string {
  let text = "";
  for (const { message } of messages) {
    const { id, publisher, size, checksum } = message;
    assert(!SEPARATOR.test(id) && !SEPARATOR.test(publisher), "names have no space or line end");
    text += `${id} ${publisher} ${size} ${checksum}\n`;
  }
  return text;
}

/** What a line of the heads says. */
export type Head = Pick<MessageHead, "id" | "publisher" | "size" | "checksum">;

/** Reads heads, in order. Throws a TypeError at a line that is none. */
export function* readHeads(text: string): Generator<Head> {
  let at = 0;
  while (at < text.length) {
    const idEnd = text.indexOf(" ", at);
    const publisherEnd = text.indexOf(" ", idEnd + 1);
    const sizeEnd = text.indexOf(" ", publisherEnd + 1);
    const end = text.indexOf("\n", sizeEnd + 1);
    const size = Number(text.slice(publisherEnd + 1, sizeEnd));
    const checksum = Number(text.slice(sizeEnd + 1, end));
    if (
      !(at < idEnd && idEnd < publisherEnd && sizeEnd < end && Number.isInteger(size + checksum))
    ) {
      throw new TypeError("a line of message heads is damaged");
    }
    yield {
      id: text.slice(at, idEnd),
      publisher: text.slice(idEnd + 1, publisherEnd),
      size,
      checksum,
    };
    at = end + 1;
  }
}

/** The bodies of a row's messages with their index. */
export function bodiesData(messages: readonly Enqueued[]): Uint8Array {
  const start = WORD * (messages.length + 1);
  const data = new Uint8Array(messages.reduce((sum, { body }) => sum + body.byteLength, start));
  const index = new DataView(data.buffer);
  let end = start;
  index.setUint32(0, start, true);
  for (const [i, { body }] of messages.entries()) {
    data.set(body, end);
    end += body.byteLength;
    index.setUint32(WORD * (i + 1), end, true);
  }
  return data;
}

/** How many bodies a row's data has. */
export function bodyCount(data: Uint8Array): number {
  return view(data).getUint32(0, true) / WORD - 1;
}

/** One body of a row's data, not copied. Throws a RangeError if it is not there. */
export function bodyAt(data: Uint8Array, position: number): Uint8Array {
  const index = view(data);
  const start = index.getUint32(WORD * position, true);
  const end = index.getUint32(WORD * (position + 1), true);
  if (!(start <= end && end <= data.byteLength)) throw new RangeError("a row's index is damaged");
  return data.subarray(start, end);
}

function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
