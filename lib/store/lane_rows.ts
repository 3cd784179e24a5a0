/**
 * Which rows hold a lane's queued messages: two numbers a row, so that the tables need no index
 * besides the order in which rows were written.
 *
 * @module
 */

/** A row of messages of one lane. */
export interface RowRef {
  /** The row's id in the tables `batch` and `body`. */
  readonly id: number;
  /** The place of its last message in the lane. */
  readonly last: number;
}

const COMPACT_AT = 1024;

/** A row that was found. */
export interface FoundRow extends RowRef {
  /** The place of its first message; 0 where the row before it was taken out. */
  readonly first: number;
}

/** The rows of one lane that still have a queued message, oldest first. */
export class LaneRows {
  readonly #ids: number[] = [];
  readonly #lasts: number[] = [];
  #head = 0;

  /** Adds the newest row. */
  push(row: RowRef): void {
    this.#ids.push(row.id);
    this.#lasts.push(row.last);
  }

  /** The row that holds a message, if it is one of these or before them. */
  find(seq: number): FoundRow | undefined {
    let low = this.#head;
    let high = this.#lasts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lasts[middle]! < seq) low = middle + 1;
      else high = middle;
    }
    const id = this.#ids[low];
    if (id === undefined) return undefined;
    const first = low > this.#head ? this.#lasts[low - 1]! + 1 : 0;
    return { id, first, last: this.#lasts[low]! };
  }

  /** Takes out the rows wholly below `floor` and gives their ids. */
  takeBelow(floor: number): number[] {
    const taken: number[] = [];
    while (this.#head < this.#lasts.length && this.#lasts[this.#head]! < floor) {
      taken.push(this.#ids[this.#head++]!);
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#ids.length) {
      this.#ids.splice(0, this.#head);
      this.#lasts.splice(0, this.#head);
      this.#head = 0;
    }
    return taken;
  }
}
