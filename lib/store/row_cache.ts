/**
 * Bodies kept in memory: whole rows, as they are on disk, up to a number of bytes.
 *
 * @module
 */

/** The rows used last. A row that does not fit is not kept. */
export class RowCache {
  readonly #rows = new Map<number, Uint8Array>();
  readonly #capacity: number;
  #bytes = 0;

  /** An empty cache of at most `capacity` bytes. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The bytes kept now; never more than the capacity. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A row, if it is kept. */
  get(id: number): Uint8Array | undefined {
    return this.#rows.get(id);
  }

  /** Keeps a row that is not there yet; the oldest go when there is no room. */
  put(id: number, data: Uint8Array): void {
    if (data.byteLength > this.#capacity) return;
    this.#rows.set(id, data);
    this.#bytes += data.byteLength;
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= this.#capacity) break;
      this.delete(oldest);
    }
  }

  /** Drops a row, if it is kept. */
  delete(id: number): void {
    const data = this.#rows.get(id);
    if (data === undefined) return;
    this.#rows.delete(id);
    this.#bytes -= data.byteLength;
  }
}
