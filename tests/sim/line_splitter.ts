/**
 * Lines of a stream of bytes, as simply as can be: what the framer of the program is checked by.
 *
 * @module
 */
const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);

/** Cuts one direction of one connection. */
export class LineSplitter {
  #rest: Uint8Array = NOTHING;

  /** Bytes of the line that has begun. */
  get unfinished(): number {
    return this.#rest.length;
  }

  /** Gives the lines that are complete now, without their ends. */
  push(chunk: Uint8Array): string[] {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    const end = bytes.lastIndexOf(10) + 1;
    this.#rest = end === bytes.length ? NOTHING : bytes.slice(end);
    return end === 0 ? [] : decoder.decode(bytes.subarray(0, end - 1)).split("\n");
  }
}
