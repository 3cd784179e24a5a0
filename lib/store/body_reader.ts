/**
 * Bodies of messages: whole rows of them from memory or, when they are not there any more, from the
 * database.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { RowBodies } from "./batch_row.ts";
import type { Bodies, Database } from "./database.ts";
import type { Lane } from "./lane.ts";
import type { FoundRow } from "./lane_rows.ts";
import { bodySum, requireSum } from "./row_sum.ts";
import { RowCache } from "./row_cache.ts";

/** A queued message of a lane. */
export interface Place {
  /** The lane. */
  readonly lane: Lane;
  /** Its place there. */
  readonly seq: number;
}

/** Reads bodies, and keeps the rows that were written or read last. */
export class BodyReader {
  readonly #database: Database;
  readonly #cache: RowCache;

  /** Reads from `database` and keeps up to `cacheBytes` bytes. */
  constructor(database: Database, cacheBytes: number) {
    this.#database = database;
    this.#cache = new RowCache(cacheBytes);
  }

  /** Keeps rows that were written. */
  keep(rows: Bodies): void {
    for (const [id, data] of rows) this.#cache.put(id, data);
  }

  /** Drops rows of which no message is queued any more. */
  drop(rowIds: Iterable<number>): void {
    for (const id of rowIds) this.#cache.delete(id);
  }

  /** The bodies of queued messages, in the order asked; they share memory with their rows. */
  async read(places: readonly Place[]): Promise<Uint8Array[]> {
    const rows = rowsOf(places);
    const data = await this.#rows(new Set(rows.map((row) => row.id)));
    return places.map(({ seq }, i) => {
      const { id, last } = rows[i]!;
      const bodies = data.get(id)!;
      return bodies.at(seq - (last - bodies.count + 1));
    });
  }

  /** All rows that are missing are asked for at once: one wait, however many they are. */
  async #rows(ids: ReadonlySet<number>): Promise<ReadonlyMap<number, RowBodies>> {
    const rows = new Map<number, RowBodies>();
    const missing: number[] = [];
    for (const id of ids) {
      const data = this.#cache.get(id);
      if (data === undefined) missing.push(id);
      else rows.set(id, new RowBodies(data));
    }
    const found = await Promise.all(missing.map((id) => this.#database.query("body", id)));
    for (const [i, id] of missing.entries()) {
      const row = found[i]?.[0];
      assert(row !== undefined, `row ${id} has its bodies`);
      const [data, sum] = row;
      requireSum("body", sum, bodySum(id, data));
      this.#cache.put(id, data);
      rows.set(id, new RowBodies(data));
    }
    return rows;
  }
}

/** The row of each message; neighbours are mostly in the same. */
function rowsOf(places: readonly Place[]): FoundRow[] {
  let at: Lane | undefined;
  let row: FoundRow | undefined;
  return places.map(({ lane, seq }) => {
    if (at !== lane || row === undefined || seq < row.first || seq > row.last) {
      [at, row] = [lane, lane.rowOf(seq)];
    }
    return row;
  });
}
