/**
 * The tables of the SQLite store, and the settings that its promises depend on.
 *
 * Rows of messages are only ever appended, in the order they were accepted: there is no index over
 * them, because an index by lane would touch a page per lane and commit. Which rows a lane has is
 * kept in memory ({@linkcode LaneRows}) and read again at start.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../base/errors.ts";

/** Marks a SQLite file as a broker's database: "CMQ1" in ASCII (sqlite.org/fileformat.html, 1.3.6). */
export const APPLICATION_ID = 0x434d5131;
/** The version of the tables below. */
export const SCHEMA_VERSION = 3;

/** Before this version a bug of the write-ahead log could lose commits. */
const OLDEST_SQLITE = [3, 51, 3] as const;
/** Bytes of a page. */
export const PAGE_BYTES: number = 16 * 1024;
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
/** Pages of the write-ahead log from which it is copied into the file. */
export const CHECKPOINT_PAGES: number = CHECKPOINT_BYTES / PAGE_BYTES;
/** Of pages, besides the store's own cache of bodies. */
const PAGE_CACHE_KIB = 16 * 1024;

const TABLES = `
  -- sum is a checksum of the row's other columns (row_sum.ts).
  CREATE TABLE exchange (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, sum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- options is a JSON object of those that were given, as queue_options.ts names them.
  CREATE TABLE queue (
    name TEXT PRIMARY KEY, options TEXT NOT NULL, sum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE binding (
    queue TEXT NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (queue, exchange, routing_key)
  ) STRICT, WITHOUT ROWID;

  -- The messages of one queue for one receiver. All below floor are removed; marks has, of those
  -- from floor on, [from, to, 0] for removed ones and [from, to, n] for ones returned n times.
  -- Never deleted: a queue that is declared again goes on with the places after these.
  CREATE TABLE lane (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, receiver TEXT NOT NULL,
    floor INTEGER NOT NULL, marks TEXT NOT NULL, sum INTEGER NOT NULL
  ) STRICT;

  -- n messages of a lane that were accepted together, up to the place last; heads tells of each
  -- (heads_text.ts). Kept until forgotten.
  CREATE TABLE batch (
    id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, last INTEGER NOT NULL, n INTEGER NOT NULL,
    at INTEGER NOT NULL, heads TEXT NOT NULL, sum INTEGER NOT NULL
  ) STRICT;

  -- Their bodies (batch_row.ts). Kept until all of them are removed.
  CREATE TABLE body (
    id INTEGER PRIMARY KEY, data BLOB NOT NULL, sum INTEGER NOT NULL
  ) STRICT;

  -- The removed messages first to last of a batch went to another lane, unacknowledged. Kept as
  -- long as the batch.
  CREATE TABLE moved (
    batch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (batch, first)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE public_keys (
    client_id TEXT PRIMARY KEY, public_key_ciphertext BLOB NOT NULL, nonce BLOB NOT NULL,
    tag BLOB NOT NULL, registered_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- A sealed value that only the right AES key opens.
  CREATE TABLE key_check (ciphertext BLOB NOT NULL, nonce BLOB NOT NULL, tag BLOB NOT NULL) STRICT;
`;

/**
 * What each setting must be once the database is open. FULL (2) syncs the log at every commit;
 * fullfsync makes macOS flush the disk's own cache, too; EXCLUSIVE keeps a second broker out.
 * SQLite's automatic checkpoint is off because it swallows the disk's errors: the store asks for it.
 */
const SETTINGS: ReadonlyMap<string, string | number> = new Map<string, string | number>([
  ["application_id", APPLICATION_ID],
  ["user_version", SCHEMA_VERSION],
  ["page_size", PAGE_BYTES],
  ["journal_mode", "wal"],
  ["locking_mode", "exclusive"],
  ["synchronous", 2],
  ["fullfsync", 1],
  ["checkpoint_fullfsync", 1],
  ["wal_autocheckpoint", 0],
  ["journal_size_limit", CHECKPOINT_BYTES],
  ["cache_size", -PAGE_CACHE_KIB],
  ["trusted_schema", 0],
  ["cell_size_check", 1],
]);

/** The value of a setting, as SQLite gives it. */
export function setting(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

/** Throws `configuration` if the SQLite that Deno brings is one that can lose commits. */
export function requireSqlite(version: string): void {
  const parts = version.split(".").map(Number);
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) {
      throw new CipherMqError(
        "configuration",
        `cannot store messages with SQLite ${version}: versions before ${
          OLDEST_SQLITE.join(".")
        } can lose commits`,
        { hint: "run the broker with the Deno version that its documentation names" },
      );
    }
  }
}

/** Settings that come before the first access: the lock, and the page size of a new file. */
export function prepareDatabase(db: DatabaseSync): void {
  db.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA page_size = ${PAGE_BYTES};
    PRAGMA cache_size = -${PAGE_CACHE_KIB};
  `);
}

/** Whether the file has nothing in it yet. Needs a transaction, so that it stays true. */
export function isEmpty(db: DatabaseSync): boolean {
  const tables = Object.values(db.prepare("SELECT count(*) FROM sqlite_schema").get() ?? {})[0];
  return tables === 0 && setting(db, "application_id") === 0;
}

/** Makes the tables. In a transaction, so that a file is marked as ours only with all of them. */
export function createTables(db: DatabaseSync): void {
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`);
  db.exec(TABLES);
}

/** Turns the write-ahead log on and makes sure of every setting. Throws `storage` otherwise. */
export function finishSettings(db: DatabaseSync, path: string): void {
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${CHECKPOINT_BYTES};
  `);
  for (const [name, expected] of SETTINGS) {
    const value = setting(db, name);
    if (value !== expected) throw refused(path, `has ${name} ${value} and not ${expected}`);
  }
  // When the disk fails as the log is turned on, SQLite says nothing, and "wal" when it is asked.
  const log = db.prepare("PRAGMA wal_checkpoint(NOOP)").get()?.log as number;
  if (log < 0) throw refused(path, "cannot turn on its write-ahead log");
}

function refused(path: string, what: string): CipherMqError {
  return new CipherMqError("storage", `cannot use the database ${path}: SQLite ${what}`, {
    hint: "check the disk and its file system, then start the broker again",
  });
}
