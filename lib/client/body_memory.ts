/**
 * Memory for the bodies that a sender keeps until the broker has them.
 *
 * @module
 */
import { BodyArena } from "../wire/body_arena.ts";

/** Bytes allocated at once. A body that waits longer than its neighbours keeps theirs, so it is not much. */
const BLOCK_BYTES = 8 * 1024;
/** Longer texts gain little from sharing, and would leave much of a block unused. */
const MAX_SHARED_LENGTH = BLOCK_BYTES / 4;

const encoder = new TextEncoder();

/** Makes bodies of texts: one allocation for several, which is less to make and less to collect. */
export class BodyMemory {
  #block = new BodyArena(BLOCK_BYTES);
  #left = BLOCK_BYTES;

  /** `text` as UTF-8, in memory that nothing else writes to. */
  body(text: string): Uint8Array {
    if (text.length > MAX_SHARED_LENGTH) return encoder.encode(text);
    if (text.length > this.#left) {
      this.#block = new BodyArena(BLOCK_BYTES);
      this.#left = BLOCK_BYTES;
    }
    const body = this.#block.body(text);
    this.#left -= body.length;
    return body;
  }
}
