/**
 * How messages of one lane share a row: the heads as text (heads_text.ts), the bodies back to back.
 *
 * The bodies have an index before them: `n + 1` unsigned 32-bit little-endian numbers, the first
 * where the first body begins, the others where each body ends, counted from the row's beginning.
 *
 * @module
 */
import type { MessageHead } from "../core/message.ts";

/** A message that joins its lane, with its body. */
export interface Arrival {
  /** Who, for whom, where and how large. */
  readonly message: MessageHead;
  /** What it carries. */
  readonly body: Uint8Array;
}

/** The most bytes of bodies in a row; a larger body has a row of its own. */
export const MAX_ROW_BYTES = 128 * 1024;
/** The most messages in a row. */
export const MAX_ROW_MESSAGES = 2_000;

const WORD = 4;

/** Splits messages of one lane into the messages of rows. */
export function* rowsOf(messages: readonly Arrival[]): Generator<readonly Arrival[]> {
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

/** The bodies of a row's messages with their index. */
export function bodiesData(messages: readonly Arrival[]): Uint8Array<ArrayBuffer> {
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

/** The bodies of a row's data, not copied. */
export class RowBodies {
  /** How many there are. */
  readonly count: number;
  readonly #data: Uint8Array;
  readonly #index: DataView;

  /** Reads a row's data. Throws a RangeError if it is too short for any index. */
  constructor(data: Uint8Array) {
    this.#data = data;
    this.#index = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.count = this.#index.getUint32(0, true) / WORD - 1;
  }

  /** One of them. Throws a RangeError if it is not there. */
  at(position: number): Uint8Array {
    const start = this.#index.getUint32(WORD * position, true);
    const end = this.#index.getUint32(WORD * (position + 1), true);
    const { byteLength } = this.#data;
    if (!(start <= end && end <= byteLength)) throw new RangeError("a row's index is damaged");
    return this.#data.subarray(start, end);
  }
}
