/**
 * An inbox in an SQLite file. One row per batch: the keys, and, where the batch was written to a
 * file, where its lines are, so that after a crash it can be told which of them got there.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import { DEFAULT_MAX_KEYS, type Inbox, KEY_BYTES, MemoryInbox } from "./inbox.ts";

/** How much an inbox remembers. */
export interface DurableInboxOptions {
  /** The most messages. Default 1,000,000, about 80 bytes of memory each. */
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

const SCHEMA_VERSION = 1;
const SCHEMA = `CREATE TABLE batch(
  seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, keys BLOB NOT NULL,
  file TEXT, start INTEGER, lines BLOB) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};`;
/** However old: as many as a broker may have handed out unacknowledged. */
const KEEP_AT_LEAST = 10_000;
/** Rows looked at per batch when forgetting, so that no batch waits for a great cleaning. */
const PRUNE_ROWS = 4;
/** `PRAGMA synchronous` = FULL. */
const FULL = 2;

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
    this.#db = openDatabase(path);
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
    this.#transaction(() => {
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
    this.#transaction(() => this.#db.prepare(set).run(toBlob([...kept]), batch.seq));
    this.#memory.forget(gone);
    this.#count -= gone.length;
  }

  /** Closes the file. */
  close(): void {
    this.#db.close();
  }

  #prune(wallMs: number): void {
    for (const row of this.#oldestRows.all()) {
      const keys = (row.bytes as number) / KEY_BYTES;
      const left = this.#count - keys;
      const old = wallMs - (row.at_ms as number) > this.#maxAgeMs && left >= KEEP_AT_LEAST;
      if (left < this.#maxKeys && !old) return;
      this.#deleteRow.run(row.seq as number);
      this.#count = left;
    }
  }

  #transaction(change: () => void): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      change();
      this.#db.exec("COMMIT");
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CipherMqError("storage", `cannot write the inbox: ${why}`, { cause });
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    // SQLite would make it readable by everybody; its companion files take over the mode.
    closeSync(openSync(path, "a", 0o600));
    db = new DatabaseSync(path);
    prepareDatabase(db, path);
    return db;
  } catch (cause) {
    db?.close();
    throw openError(path, cause);
  }
}

function prepareDatabase(db: DatabaseSync, path: string): void {
  // Exclusive: two receivers that write one file would each miss what the other remembers.
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  assert(db.prepare("PRAGMA synchronous").get()?.synchronous === FULL, "commits are synchronous");
  db.exec("BEGIN EXCLUSIVE");
  const version = db.prepare("PRAGMA user_version").get()?.user_version;
  if (version === 0) db.exec(SCHEMA);
  db.exec("COMMIT");
  if (version === 0 || version === SCHEMA_VERSION) return;
  throw new CipherMqError("storage", `cannot use the inbox ${path}: it has version ${version}`, {
    hint: "use the newer program that made it, or another output file",
  });
}

function openError(path: string, cause: unknown): CipherMqError {
  if (cause instanceof CipherMqError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  if (/locked/.test(why)) {
    return new CipherMqError("conflict", `cannot open the inbox ${path}: it is in use`, {
      cause,
      hint: "another receiver writes to the same output; stop it, or choose another --output",
    });
  }
  return new CipherMqError("storage", `cannot open the inbox ${path}: ${why}`, { cause });
}

function toBlob(keys: readonly string[]): Uint8Array {
  const blob = Buffer.allocUnsafe(keys.length * KEY_BYTES);
  for (let at = 0; at < keys.length; at++) {
    for (let byte = 0; byte < KEY_BYTES; byte++) {
      blob[at * KEY_BYTES + byte] = keys[at]!.charCodeAt(byte);
    }
  }
  return blob;
}

function toKeys(blob: Uint8Array): string[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  const keys: string[] = [];
  for (let at = 0; at < bytes.length; at += KEY_BYTES) {
    keys.push(bytes.toString("latin1", at, at + KEY_BYTES));
  }
  return keys;
}
