/**
 * The statements of the SQLite store, prepared once.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";

const STATEMENTS = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  logState: "PRAGMA wal_checkpoint(NOOP)",
  checkpoint: "PRAGMA wal_checkpoint(PASSIVE)",

  declareExchange: "INSERT INTO exchange (name, kind) VALUES (?, ?) ON CONFLICT DO NOTHING",
  declareQueue: "INSERT INTO queue (name) VALUES (?) ON CONFLICT DO NOTHING",
  bind:
    "INSERT INTO binding (queue, exchange, routing_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
  registerKey: "INSERT OR REPLACE INTO public_keys " +
    "(client_id, public_key_ciphertext, nonce, tag, registered_at) VALUES (?, ?, ?, ?, ?)",
  addLane: "INSERT INTO lane (id, queue, receiver, floor, marks) VALUES (?, ?, ?, 0, '[]')",
  updateLane: "UPDATE lane SET floor = ?, marks = ? WHERE id = ?",
  addBatch: "INSERT INTO batch (id, lane, last, n, at, heads) VALUES (?, ?, ?, ?, ?, ?)",
  addBody: "INSERT INTO body (id, data) VALUES (?, ?)",
  dropBodies: "DELETE FROM body WHERE id BETWEEN ? AND ?",
  dropBatches: "DELETE FROM batch WHERE id BETWEEN ? AND ?",
  body: "SELECT data FROM body WHERE id = ?",
  batchesAfter: "SELECT id, lane, last, at FROM batch WHERE id > ? ORDER BY id LIMIT ?",

  exchanges: "SELECT name, kind FROM exchange",
  queues: "SELECT name FROM queue",
  bindings: "SELECT queue, exchange, routing_key FROM binding",
  keys: "SELECT client_id, public_key_ciphertext, nonce, tag FROM public_keys",
  lanes: "SELECT id, queue, receiver, floor, marks FROM lane ORDER BY id",
  lastBatch: "SELECT coalesce(max(id), 0) AS id FROM batch",
  queuedBatchesAfter:
    "SELECT batch.id AS id, lane, last, at FROM batch CROSS JOIN lane ON lane.id = lane " +
    "WHERE batch.id > ? AND last >= floor ORDER BY batch.id LIMIT ?",
  batchHeadsAfter:
    "SELECT id, lane, last, n, at, heads FROM batch WHERE id > ? ORDER BY id LIMIT ?",
} as const;

/** Every statement by its name. */
export type Statements = {
  readonly [name in keyof typeof STATEMENTS]: ReturnType<DatabaseSync["prepare"]>;
};

/** Prepares them. The tables must be there. */
export function prepareStatements(db: DatabaseSync): Statements {
  const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, db.prepare(sql)]);
  return Object.fromEntries(prepared) as Statements;
}

/** A row of the table `batch` without its heads. */
export interface BatchPlace {
  /** The row's id; ascending in the order of acceptance. */
  readonly id: number;
  /** The lane's id. */
  readonly lane: number;
  /** The place of its last message in the lane. */
  readonly last: number;
  /** When its messages were accepted, in milliseconds since the Unix epoch. */
  readonly at: number;
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
