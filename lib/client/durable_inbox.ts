/**
 * An inbox in an SQLite file. One row per batch: the keys, and, where the batch was written to a
 * file, where its lines are, so that after a crash it can be told which of them got there.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { type DatabaseKind, inTransaction, openDatabase } from "./database_file.ts";
import { DEFAULT_MAX_KEYS, type Inbox, KEY_LENGTH, MemoryInbox } from "./inbox.ts";

/** How much an inbox remembers. */
export interface DurableInboxOptions {
  /** The most messages. Default 1,000,000, about 150 bytes of memory each. */
  readonly maxKeys?: number;
  /** Messages older than this may be forgotten, in milliseconds. Default 30 days. */
  readonly maxAgeMs?: number;
}

/** Where the lines of a batch were going to be written. */
export interface Placement {
  /** Tells the file from another one at the same path. */
  readonly file: string;
  /** The offset of the first line, in bytes. */
  readonly start: number;
  /** Length and checksum of each line; see `output_file.ts`. */
  readonly lines: Uint8Array;
}

/** One remembered batch that was placed in a file. */
export interface PlacedBatch extends Placement {
  /** Its row. */
  readonly seq: number;
  /** Its messages, in the order of its lines. */
  readonly keys: readonly string[];
}

const KIND: DatabaseKind = {
  name: "inbox",
  schema: `CREATE TABLE batch(
    seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, keys BLOB NOT NULL,
    file TEXT, start INTEGER, lines BLOB) STRICT`,
  version: 2,
  inUseHint: "another receiver writes to the same output; stop it, or choose another --output",
  versionHint:
    "receive with the program that made it until nothing is left in the queue, then move the file away",
};
/** However old: as many as a broker may have handed out unacknowledged. */
const KEEP_AT_LEAST = 10_000;
/** Rows looked at per batch when forgetting, so that no batch waits for a great cleaning. */
const PRUNE_ROWS = 4;
const KEY = new RegExp(`^[!-~]{${KEY_LENGTH}}$`);

/** An inbox that survives a crash. One process at a time may have it open. */
export class DurableInbox implements Inbox {
  readonly #db: DatabaseSync;
  readonly #memory: MemoryInbox;
  readonly #maxKeys: number;
  readonly #maxAgeMs: number;
  readonly #insert: StatementSync;
  readonly #oldestRows: StatementSync;
  readonly #deleteRow: StatementSync;
  #count = 0;

  /** Opens the file, or makes it, readable by its owner only. Throws `storage` or `conflict`. */
  constructor(path: string, options: DurableInboxOptions = {}) {
    this.#maxKeys = Math.max(options.maxKeys ?? DEFAULT_MAX_KEYS, 1);
    this.#maxAgeMs = options.maxAgeMs ?? 30 * 24 * 60 * 60 * 1000;
    this.#memory = new MemoryInbox(this.#maxKeys);
    this.#db = openDatabase(path, KIND);
    this.#insert = this.#db.prepare(
      "INSERT INTO batch(at_ms, keys, file, start, lines) VALUES(?, ?, ?, ?, ?)",
    );
    this.#oldestRows = this.#db.prepare(
      `SELECT seq, at_ms, length(keys) AS bytes FROM batch ORDER BY seq LIMIT ${PRUNE_ROWS}`,
    );
    this.#deleteRow = this.#db.prepare("DELETE FROM batch WHERE seq = ?");
    for (const row of this.#db.prepare("SELECT keys FROM batch ORDER BY seq").iterate()) {
      const keys = toKeys(row.keys as Uint8Array);
      this.#memory.add(keys);
      this.#count += keys.length;
    }
  }

  /** Whether the message was taken. */
  has(key: string): boolean {
    return this.#memory.has(key);
  }

  /** Remembers messages, and where they are placed; on disk when it returns. Throws `storage`. */
  add(keys: readonly string[], wallMs: number, placement?: Placement): void {
    const { file = null, start = null, lines = null } = placement ?? {};
    inTransaction(this.#db, KIND.name, () => {
      this.#insert.run(Math.floor(wallMs), toBlob(keys), file, start, lines);
      this.#count += keys.length;
      this.#prune(wallMs);
    });
    this.#memory.add(keys);
  }

  /** The newest batches that were placed in a file, newest first. */
  *newestPlaced(limit: number): Generator<PlacedBatch> {
    const rows = this.#db.prepare(
      "SELECT seq, keys, file, start, lines FROM batch WHERE file IS NOT NULL ORDER BY seq DESC LIMIT ?",
    ).all(limit);
    for (const { seq, keys, file, start, lines } of rows) {
      yield {
        seq: seq as number,
        keys: toKeys(keys as Uint8Array),
        file: file as string,
        start: start as number,
        lines: lines as Uint8Array,
      };
    }
  }

  /** Forgets the messages of a batch but `kept`, because they were not written. Throws `storage`. */
  rollBack(batch: PlacedBatch, kept: ReadonlySet<string>): void {
    const gone = batch.keys.filter((key) => !kept.has(key));
    // What is kept is where it should be, and needs no second look.
    const set = "UPDATE batch SET keys = ?, file = NULL, start = NULL, lines = NULL WHERE seq = ?";
    inTransaction(
      this.#db,
      KIND.name,
      () => this.#db.prepare(set).run(toBlob([...kept]), batch.seq),
    );
    this.#memory.forget(gone);
    this.#count -= gone.length;
  }

  /** Closes the file. */
  close(): void {
    this.#db.close();
  }

  #prune(wallMs: number): void {
    for (const row of this.#oldestRows.all()) {
      const keys = (row.bytes as number) / KEY_LENGTH;
      const left = this.#count - keys;
      const old = wallMs - (row.at_ms as number) > this.#maxAgeMs && left >= KEEP_AT_LEAST;
      if (left < this.#maxKeys && !old) return;
      this.#deleteRow.run(row.seq as number);
      this.#count = left;
    }
  }
}

/** One of another length would make others of all that come after it. */
function toBlob(keys: readonly string[]): Uint8Array {
  for (const key of keys) assert(KEY.test(key), "a key is as `messageKey` makes it");
  return Buffer.from(keys.join(""), "utf8");
}

function toKeys(blob: Uint8Array): string[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  const keys: string[] = [];
  for (let at = 0; at < bytes.length; at += KEY_LENGTH) {
    keys.push(bytes.toString("utf8", at, at + KEY_LENGTH));
  }
  return keys;
}
