/**
 * The least that a durable broker must do: SQLite takes the same bytes in and out again, with the
 * broker's own settings, and nothing else happens.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { envelopeText } from "../../lib/base/envelope.ts";
import { EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import { MAX_ROW_BYTES } from "../../lib/store/batch_row.ts";
import {
  CHECKPOINT_PAGES,
  createTables,
  finishSettings,
  prepareDatabase,
} from "../../lib/store/sqlite_schema.ts";
import { RECEIVER } from "../load/client.ts";

/** Messages of one commit: about as many as the broker's commits have when it is busy. */
const BATCH = 1_000;

/** Messages per second that SQLite alone takes and deletes, for texts of `size` bytes. */
export function measureBaseline(messages: number, size: number): number {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/baseline.db`;
  const db = new DatabaseSync(path);
  try {
    prepareDatabase(db);
    createTables(db);
    finishSettings(db, path);
    db.exec("CREATE TABLE bytes(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT");
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const before = performance.now();
    takeAndDelete(db, messages, bodyBytes(size));
    return messages / (performance.now() - before) * 1000;
  } finally {
    db.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Each commit has new messages and the removal of those before, as the broker's do. */
function takeAndDelete(db: DatabaseSync, messages: number, bytes: number): void {
  const insert = db.prepare("INSERT INTO bytes(id, data) VALUES(?, ?)");
  const remove = db.prepare("DELETE FROM bytes WHERE id <= ?");
  let last = 0;
  for (let taken = 0; taken < messages; taken += BATCH) {
    const before = last;
    db.exec("BEGIN IMMEDIATE");
    last = insertRows(insert, last, Math.min(BATCH, messages - taken) * bytes);
    remove.run(before);
    db.exec("COMMIT");
  }
  remove.run(last);
}

/** Gives the id of the last row. */
function insertRows(insert: StatementSync, after: number, bytes: number): number {
  let id = after;
  for (let left = bytes; left > 0; left -= MAX_ROW_BYTES) {
    insert.run(++id, new Uint8Array(Math.min(left, MAX_ROW_BYTES)).fill(id));
  }
  return id;
}

/** Bytes of a text's envelope. */
function bodyBytes(size: number): number {
  const { publicKey } = generateKeyPair();
  const sealer = new EnvelopeSealer({ receiver: RECEIVER, publicKey });
  return envelopeText(sealer.seal("x".repeat(size))).length;
}
