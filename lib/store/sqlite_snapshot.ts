/**
 * Reads the state of the last commit. Bodies are not read.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import type { QueueOptions } from "../base/queue_options.ts";
import type { ExchangeKind } from "../core/exchange.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";
import type { Database } from "./database.ts";
import { readHeads, SharedNames } from "./heads_text.ts";
import type { KeyVault } from "./key_vault.ts";
import { laneSum } from "./lane.ts";
import type { LaneTable } from "./lane_table.ts";
import { requireSum, rowSum } from "./row_sum.ts";
import type { QueryRows } from "./sqlite_statements.ts";

/** Of the messages of some rows, by row, those that moved to another lane. */
type MovedRuns = ReadonlyMap<number, readonly QueryRows["movedBetween"][]>;

const PLACES_AT_ONCE = 1_000;
/** Heads of a row are up to some 100 KB. */
const HEADS_AT_ONCE = 100;
/** About so many, or those of one row: few enough that what is dropped at once is never moved in memory. */
const MESSAGES_AT_ONCE = 1_000;

/** What a client's key is sealed for. */
export function keyOwner(client: string): string {
  return `client ${client}`;
}

/** Fills the lanes. */
export async function readLanes(database: Database, lanes: LaneTable): Promise<void> {
  for (const [id, queue, receiver, floor, marks, sum] of await database.query("lanes")) {
    const state = { id, queue, receiver, floor, marks };
    requireSum("lane", sum, laneSum(state));
    lanes.add(state);
  }
  // Rows without a queued message are below the floor, from which the lane already knows its end.
  for await (const rows of inOrder(database, "queuedBatchesAfter", PLACES_AT_ONCE)) {
    for (const [id, lane, last] of rows) lanes.withId(lane).saw(id, last);
  }
  const [newest] = await database.query("lastBatch");
  lanes.continueRows(newest![0]);
}

/** Everything but the messages. Throws `cryptographic` for a key that is not what was stored. */
export async function readSnapshot(
  database: Database,
  lanes: LaneTable,
  vault: KeyVault,
): Promise<Snapshot> {
  const [exchanges, queues, bindings, keys] = await Promise.all([
    database.query("exchanges"),
    database.query("queues"),
    database.query("bindings"),
    database.query("keys"),
  ]);
  for (const row of exchanges) requireRow("exchange", row);
  for (const row of queues) requireRow("queue", row);
  for (const row of bindings) requireRow("binding", row);
  return {
    exchanges: exchanges.map(([exchange, kind]) => ({
      exchange,
      exchangeKind: kind as ExchangeKind,
    })),
    queues: queues.map(([queue, options]) => ({
      queue,
      options: JSON.parse(options) as Partial<QueueOptions>,
    })),
    bindings: bindings.map(([queue, exchange, routingKey]) => ({ queue, exchange, routingKey })),
    keys: keys.map((row) => openKey(row, vault)),
    lanes: [...lanes].map(({ queue, receiver, next }) => ({ queue, receiver, nextSeq: next })),
  };
}

/** Throws unless the last column is the checksum of the others. */
function requireRow(table: string, row: readonly (string | number)[]): void {
  requireSum(table, row.at(-1), rowSum(...row.slice(0, -1)));
}

function openKey(
  [client, ciphertext, nonce, tag]: QueryRows["keys"],
  vault: KeyVault,
): Snapshot["keys"][number] {
  const key = vault.open(keyOwner(client), { ciphertext, nonce, tag });
  if (key !== undefined) return { client, key };
  throw new CipherMqError(
    "cryptographic",
    `cannot trust the registered key of '${client}': its row was changed or belongs to another client`,
    { hint: "find out who can write to the database file, then restore it from a backup" },
  );
}

/** The messages, by row in the order they were accepted, in a row by their place. */
export async function* readMessages(
  database: Database,
  lanes: LaneTable,
): AsyncGenerator<readonly StoredMessage[]> {
  const names = new SharedNames();
  let piece: StoredMessage[] = [];
  for await (const rows of inOrder(database, "batchHeadsAfter", HEADS_AT_ONCE)) {
    const moved = await readMoved(database, rows);
    for (const row of rows) {
      readRow(row, lanes, moved, names, piece);
      if (piece.length < MESSAGES_AT_ONCE) continue;
      yield piece;
      piece = [];
    }
  }
  if (piece.length > 0) yield piece;
}

async function readMoved(
  database: Database,
  rows: readonly QueryRows["batchHeadsAfter"][],
): Promise<MovedRuns> {
  const [first, last] = [rows.at(0), rows.at(-1)];
  if (first === undefined || last === undefined) return new Map();
  const moved = await database.query("movedBetween", first[0], last[0]);
  for (const row of moved) requireRow("moved", row);
  return Map.groupBy(moved, ([batch]) => batch);
}

/** Rows piece by piece. While one is used the next is read already. */
async function* inOrder<Name extends "queuedBatchesAfter" | "batchHeadsAfter">(
  database: Database,
  query: Name,
  atOnce: number,
): AsyncGenerator<QueryRows[Name][]> {
  let reading: Promise<QueryRows[Name][]> | undefined = database.query(query, 0, atOnce);
  while (reading !== undefined) {
    const rows: QueryRows[Name][] = await reading;
    const last = rows.length === atOnce ? rows.at(-1) : undefined;
    reading = last && database.query(query, last[0], atOnce);
    // Whoever reads no further does not want to know.
    reading?.catch(() => {});
    yield rows;
  }
}

function readRow(
  row: QueryRows["batchHeadsAfter"],
  lanes: LaneTable,
  moved: MovedRuns,
  names: SharedNames,
  out: StoredMessage[],
): void {
  requireRow("batch", row);
  const [id, laneId, last, n, acceptedMs, heads] = row;
  const lane = lanes.withId(laneId);
  const { queue, receiver } = lane;
  const runs = moved.get(id);
  let seq = last - n + 1;
  for (const head of readHeads(heads, names)) {
    const message = { queue, receiver, seq, ...head };
    if (lane.isQueued(seq)) {
      out.push({ message, acceptedMs, deliveries: lane.deliveries(seq) });
    } else {
      const hasMoved = runs?.some(([, from, to]) => from <= seq && seq <= to);
      out.push({ message, acceptedMs, deliveries: 0, gone: hasMoved ? "moved" : "removed" });
    }
    seq++;
  }
  assert(seq === last + 1, `a row of ${n} messages has a head for each`);
}
