/**
 * Which rows of message heads can be forgotten, without looking at a row twice: a cursor follows
 * the rows' order, and a row that still had a queued message when the cursor passed is reported
 * when its last message is removed.
 *
 * @module
 */

/** Where a row of message heads is, and since when. */
export interface SweptRow {
  /** The row's id; ascending in the order of acceptance. */
  readonly id: number;
  /** When its messages were accepted, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Whether none of its messages is queued any more. */
  readonly done: boolean;
}

/** The progress of forgetting. Starts anew with every start of the store. */
export class RowSweep {
  #cursor = 0;
  #late: number[] = [];

  /** The id of the last row the cursor has passed. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Whether rows wait that were passed too early. */
  get hasLate(): boolean {
    return this.#late.length > 0;
  }

  /** Takes rows whose last message has been removed. */
  finished(rowIds: readonly number[]): void {
    for (const id of rowIds) if (id <= this.#cursor) this.#late.push(id);
  }

  /** Takes out at most `count` of the rows that were passed too early. */
  takeLate(count: number): number[] {
    return this.#late.splice(0, count);
  }

  /**
   * Moves the cursor over the rows after it that were accepted before `wallMs` and gives those that
   * can be forgotten. A row is as old as any row after it: the wall clock may have jumped.
   */
  pass(rows: readonly SweptRow[], wallMs: number): number[] {
    const passed = rows.slice(0, rows.findLastIndex((row) => row.at < wallMs) + 1);
    this.#cursor = passed.at(-1)?.id ?? this.#cursor;
    return passed.filter((row) => row.done).map((row) => row.id);
  }
}
