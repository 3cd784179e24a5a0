/**
 * Cuts a stream of bytes into lines of text.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import { fromUtf8 } from "../base/utf8.ts";

/** One line without its line end, or `undefined` for one that is not UTF-8. */
export type Line = string | undefined;

/** A line is longer than allowed. The lines before it that the same chunk completed are in it. */
export class LineLimitError extends CipherMqError {
  /** The complete lines that came before the long one. */
  readonly lines: readonly Line[];

  /** Makes the error for a limit in bytes. */
  constructor(maxLineBytes: number, lines: readonly Line[]) {
    super("limit", `the line is longer than ${maxLineBytes} bytes`);
    this.lines = lines;
  }
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const NO_LINES: readonly Line[] = [];
const NOTHING = new Uint8Array(0);

function toLine(bytes: Uint8Array): Line {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  return fromUtf8(bytes.subarray(0, end));
}

/**
 * Cuts a stream of bytes into lines that end with `\n`; one `\r` before it is dropped.
 *
 * The lines do not depend on how the stream was cut into chunks, the work is linear in its length,
 * and what is kept between chunks is a copy of at most one line.
 */
export class LineFramer {
  readonly #maxLineBytes: number;
  #partial: Uint8Array = NOTHING;
  #partialLength = 0;
  #broken = false;

  /** Makes a framer for lines of at most `maxLineBytes`, not counting the line end. */
  constructor(options: { readonly maxLineBytes: number }) {
    assert(options.maxLineBytes > 0, "a line may have bytes");
    this.#maxLineBytes = options.maxLineBytes;
  }

  /** Bytes of a line that has begun and not ended. */
  get partialBytes(): number {
    return this.#partialLength;
  }

  /**
   * Takes the next chunk and gives the lines it completes. The chunk may be reused afterwards.
   *
   * Throws a {@linkcode LineLimitError} as soon as a line is known to be longer than the limit, and
   * again at every later call: where the next line begins cannot be known any more.
   */
  push(chunk: Uint8Array): readonly Line[] {
    if (this.#broken) throw new LineLimitError(this.#maxLineBytes, NO_LINES);
    // Not by a `Buffer`'s own method, which takes half as long again.
    const last = Uint8Array.prototype.lastIndexOf.call(chunk, NEWLINE);
    if (last === -1) {
      this.#keep(chunk, NO_LINES);
      return NO_LINES;
    }
    const lines: Line[] = [];
    const blockStart = this.#partialLength === 0 ? 0 : this.#finishPartial(chunk, lines);
    if (blockStart <= last) this.#cutBlock(chunk.subarray(blockStart, last), lines);
    this.#keep(chunk.subarray(last + 1), lines);
    return lines;
  }

  /** Completes the line kept from earlier chunks. Returns where the next line begins. */
  #finishPartial(chunk: Uint8Array, lines: Line[]): number {
    const end = chunk.indexOf(NEWLINE);
    this.#keep(chunk.subarray(0, end), lines);
    const whole = this.#partial.subarray(0, this.#partialLength);
    this.#requireShort(whole, lines);
    lines.push(toLine(whole));
    this.#forget();
    return end + 1;
  }

  /** Cuts complete lines; the last line's end is not part of `block`. */
  #cutBlock(block: Uint8Array, lines: Line[]): void {
    const text = block.length <= this.#maxLineBytes ? fromUtf8(block) : undefined;
    if (text === undefined) return this.#cutEach(block, lines);
    const pieces = text.split("\n");
    const mayEndInReturn = text.includes("\r");
    for (const piece of pieces) {
      lines.push(mayEndInReturn && piece.endsWith("\r") ? piece.slice(0, -1) : piece);
    }
  }

  #cutEach(block: Uint8Array, lines: Line[]): void {
    let start = 0;
    for (;;) {
      const newline = block.indexOf(NEWLINE, start);
      const line = block.subarray(start, newline === -1 ? block.length : newline);
      this.#requireShort(line, lines);
      lines.push(toLine(line));
      if (newline === -1) return;
      start = newline + 1;
    }
  }

  /** Fails for a complete line, `\r` included, that is too long. */
  #requireShort(line: Uint8Array, lines: readonly Line[]): void {
    const length = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
    if (length > this.#maxLineBytes) this.#fail(lines);
  }

  /** Adds to the partial line, unless it is too long whatever follows. */
  #keep(bytes: Uint8Array, lines: readonly Line[]): void {
    if (bytes.length === 0) return;
    const length = this.#partialLength + bytes.length;
    // One byte more than the limit may still turn out to be the `\r` of the line end.
    const excess = length - this.#maxLineBytes;
    if (excess > 1 || (excess === 1 && bytes.at(-1) !== CARRIAGE_RETURN)) this.#fail(lines);
    if (length > this.#partial.length) this.#grow(length);
    this.#partial.set(bytes, this.#partialLength);
    this.#partialLength = length;
  }

  #grow(needed: number): void {
    // The first piece of a line is often all there is of it before its end: keep it exactly.
    const doubled = Math.min(this.#partial.length * 2, this.#maxLineBytes + 1);
    const larger = new Uint8Array(Math.max(needed, doubled));
    larger.set(this.#partial.subarray(0, this.#partialLength));
    this.#partial = larger;
  }

  #forget(): void {
    this.#partial = NOTHING;
    this.#partialLength = 0;
  }

  #fail(lines: readonly Line[]): never {
    this.#broken = true;
    this.#forget();
    throw new LineLimitError(this.#maxLineBytes, lines);
  }
}
