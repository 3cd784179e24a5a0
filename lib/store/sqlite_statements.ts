/**
 * The statements of the SQLite store, prepared once.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

const CONTROL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  addBody: "INSERT INTO body (id, data, sum) VALUES (?, ?, ?)",
} as const;

const WRITES = {
  declareExchange: "INSERT INTO exchange (name, kind, sum) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
  deleteExchange: "DELETE FROM exchange WHERE name = ?",
  declareQueue: "INSERT OR REPLACE INTO queue (name, options, sum) VALUES (?, ?, ?)",
  deleteQueue: "DELETE FROM queue WHERE name = ?",
  bind: "INSERT INTO binding (queue, exchange, routing_key, sum) VALUES (?, ?, ?, ?) " +
    "ON CONFLICT DO NOTHING",
  unbind: "DELETE FROM binding WHERE queue = ? AND exchange = ? AND routing_key = ?",
  unbindQueue: "DELETE FROM binding WHERE queue = ?",
  unbindExchange: "DELETE FROM binding WHERE exchange = ?",
  registerKey: "INSERT OR REPLACE INTO public_keys " +
    "(client_id, public_key_ciphertext, nonce, tag, registered_at) VALUES (?, ?, ?, ?, ?)",
  addLane: "INSERT INTO lane (id, queue, receiver, floor, marks, sum) VALUES (?, ?, ?, 0, '[]', ?)",
  updateLane: "UPDATE lane SET floor = ?, marks = ?, sum = ? WHERE id = ?",
  addBatch: "INSERT INTO batch (id, lane, last, n, at, heads, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
  addMoved: "INSERT INTO moved (batch, first, last, sum) VALUES (?, ?, ?, ?)",
  dropMoved: "DELETE FROM moved WHERE batch BETWEEN ? AND ?",
  dropBodies: "DELETE FROM body WHERE id BETWEEN ? AND ?",
  dropBatches: "DELETE FROM batch WHERE id BETWEEN ? AND ?",
} as const;

const QUERIES = {
  keyCheck: "SELECT ciphertext, nonce, tag FROM key_check",
  size: "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
  body: "SELECT data, sum FROM body WHERE id = ?",
  batchesAfter: "SELECT id, lane, last, at FROM batch WHERE id > ? ORDER BY id LIMIT ?",

  exchanges: "SELECT name, kind, sum FROM exchange",
  queues: "SELECT name, options, sum FROM queue",
  bindings: "SELECT queue, exchange, routing_key, sum FROM binding",
  keys: "SELECT client_id, public_key_ciphertext, nonce, tag FROM public_keys",
  lanes: "SELECT id, queue, receiver, floor, marks, sum FROM lane ORDER BY id",
  lastBatch: "SELECT coalesce(max(id), 0) FROM batch",
  queuedBatchesAfter: "SELECT batch.id, lane, last FROM batch CROSS JOIN lane ON lane.id = lane " +
    "WHERE batch.id > ? AND last >= floor ORDER BY batch.id LIMIT ?",
  batchHeadsAfter:
    "SELECT id, lane, last, n, at, heads, sum FROM batch WHERE id > ? ORDER BY id LIMIT ?",
  movedBetween:
    "SELECT batch, first, last, sum FROM moved WHERE batch BETWEEN ? AND ? ORDER BY batch, first",
} as const;

/** The columns of a sealed text. */
type SealedColumns = [ciphertext: Uint8Array, nonce: Uint8Array, tag: Uint8Array];
/** Where a row of messages is: its id, its lane's, and the place of its last message in that. */
type PlaceColumns = [id: number, lane: number, last: number];

/** What a row of each query has: arrays, because objects with names take twice as long to make. */
export interface QueryRows {
  /** The sealed value that tells a wrong key. */
  keyCheck: SealedColumns;
  /** Bytes of the file. */
  size: [bytes: number];
  /** The bodies of the row of an id. */
  body: [data: Uint8Array<ArrayBuffer>, sum: number];
  /** So many rows of messages after an id; `at` is when they were accepted, in Unix milliseconds. */
  batchesAfter: [...PlaceColumns, at: number];
  /** Every exchange. */
  exchanges: [name: string, kind: string, sum: number];
  /** Every queue. */
  queues: [name: string, options: string, sum: number];
  /** Every binding. */
  bindings: [queue: string, exchange: string, routingKey: string, sum: number];
  /** Every registered key. */
  keys: [client: string, ...SealedColumns];
  /** Every lane. */
  lanes: [id: number, queue: string, receiver: string, floor: number, marks: string, sum: number];
  /** The id of the newest row of messages, 0 if there is none. */
  lastBatch: [id: number];
  /** So many rows of messages after an id that are not all removed. */
  queuedBatchesAfter: PlaceColumns;
  /** So many rows of messages after an id, with their heads. */
  batchHeadsAfter: [...PlaceColumns, n: number, at: number, heads: string, sum: number];
  /** What moved away of the rows from one id to another, as runs in their order. */
  movedBetween: [batch: number, first: number, last: number, sum: number];
}

/** A statement that changes something. */
export type WriteName = keyof typeof WRITES;
/** A statement that reads. */
export type QueryName = keyof typeof QUERIES;

const STATEMENTS = { ...CONTROL, ...WRITES, ...QUERIES } as const;

/** Every statement by its name. */
export type Statements = {
  readonly [name in keyof typeof STATEMENTS]: StatementSync;
};

/** Deno has it and leaves it out of its types. */
type ArrayStatement = StatementSync & { setReturnArrays(wanted: boolean): void };

/** Prepares them. The tables must be there. */
export function prepareStatements(db: DatabaseSync): Statements {
  const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, db.prepare(sql)]);
  const statements = Object.fromEntries(prepared) as Statements;
  for (const name of Object.keys(QUERIES) as QueryName[]) {
    (statements[name] as ArrayStatement).setReturnArrays(true);
  }
  return statements;
}

/** Merges ids, in ascending order, into ranges of neighbours. */
export function* rangesOf(ids: readonly number[]): Generator<[from: number, to: number]> {
  let range: [number, number] | undefined;
  for (const id of ids) {
    if (range !== undefined && id === range[1] + 1) range[1] = id;
    else {
      if (range !== undefined) yield range;
      range = [id, id];
    }
  }
  if (range !== undefined) yield range;
}
