/**
 * The store on SQLite: one file, one connection, one transaction per commit, synced before it is
 * reported. It works synchronously inside and does not know which thread it runs on.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../base/errors.ts";
import type { Change } from "../core/effect.ts";
import type { MessageRef } from "../core/message.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";
import { Fuse } from "./fuse.ts";
import { KeyVault } from "./key_vault.ts";
import { LiveCopy } from "./live_copy.ts";
import { MessageRows } from "./message_rows.ts";
import { counting, type Recovery } from "./recovery.ts";
import { openDatabase } from "./sqlite_database.ts";
import { damageError, storageError } from "./sqlite_error.ts";
import { setting } from "./sqlite_schema.ts";
import { readMessages, readRest } from "./sqlite_snapshot.ts";
import { prepareStatements, type Statements } from "./sqlite_statements.ts";
import { writeTopology } from "./sqlite_topology.ts";
import type { Store } from "./store.ts";

/** Where and how a {@linkcode SqliteStore} keeps its file. */
export interface SqliteStoreOptions {
  /** The database file; made, for its owner only, if there is none. Its folder must be there. */
  readonly path: string;
  /** 32 bytes that registered keys are encrypted under. */
  readonly aesKey: Uint8Array;
  /** Bytes of bodies kept in memory besides the file. */
  readonly cacheBytes: number;
}

/** Durable memory in one SQLite file. */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #sql: Statements;
  readonly #vault: KeyVault;
  readonly #rows: MessageRows;
  readonly #fuse: Fuse;
  readonly #copy: LiveCopy;
  readonly #openedMs = performance.now();
  #recovery: Recovery | undefined;

  private constructor(options: SqliteStoreOptions, db: DatabaseSync, vault: KeyVault) {
    this.#path = options.path;
    this.#db = db;
    this.#sql = prepareStatements(db);
    this.#vault = vault;
    this.#rows = new MessageRows(this.#sql, options.cacheBytes);
    this.#copy = new LiveCopy(db, options.path);
    this.#fuse = new Fuse((error) => storageError(options.path, error));
  }

  /**
   * Opens the file or makes it, and locks it. Throws `configuration` if it is another program's, of
   * another version or made with another AES key, `storage` if it is locked, damaged or not usable.
   */
  static open(options: SqliteStoreOptions): SqliteStore {
    const vault = new KeyVault(options.aesKey);
    return new SqliteStore(options, openDatabase(options.path, vault), vault);
  }

  /**
   * The state of the last commit. Throws `cryptographic` if a registered key was tampered with,
   * `storage` if the file is damaged; the messages throw the same.
   */
  load(): Promise<Snapshot> {
    return this.#fuse.run(() => {
      try {
        this.#rows.load();
        const rest = readRest(this.#sql, this.#rows.lanes, this.#vault);
        const messages = () => this.#messages(rest.queues.length);
        return { ...rest, messages: { [Symbol.iterator]: messages } };
      } catch (error) {
        throw damageError(this.#path, error);
      }
    });
  }

  /** What was found at the start; known when the messages that `load` gave have been read. */
  get recovery(): Recovery | undefined {
    return this.#recovery;
  }

  /** Bytes of bodies kept in memory now. */
  get cachedBytes(): number {
    return this.#rows.cachedBytes;
  }

  /**
   * Copies the state of the last commit to a new file that only its owner can read, and gives its
   * bytes. Other calls go on meanwhile. The copy is a database like this one. A failure leaves this
   * store usable and no new file: `already_exists` for a file that is there, `limit` while another
   * backup is being made, `storage` if the file cannot be written or this store is closed.
   */
  backup(path: string): Promise<number> {
    return this.#fuse.run(() => this.#copy.to(path));
  }

  /** Makes the changes durable as one. */
  commit(changes: readonly Change[], wallMs: number): Promise<void> {
    return this.#fuse.run(() => this.#transaction(() => this.#write(changes, wallMs)));
  }

  /** The bodies of queued messages. They share memory with the rows they are in: not to be changed. */
  read(messages: readonly MessageRef[]): Promise<Uint8Array[]> {
    return this.#fuse.run(() => this.#rows.read(messages));
  }

  /** Forgets rows of removed messages, looking at a bounded number of rows. */
  forget(wallMs: number): Promise<boolean> {
    return this.#fuse.run(() => {
      const { forgotten, more } = this.#rows.sweep(wallMs);
      if (forgotten.length > 0) this.#transaction(() => this.#rows.forget(forgotten));
      return more;
    });
  }

  /** Releases the file. Safe after a failure, and when already closed. */
  async close(): Promise<void> {
    this.#fuse.blow(new CipherMqError("storage", `the database ${this.#path} is closed`));
    await this.#copy.end();
    if (this.#db.isOpen) this.#db.close();
    this.#copy.close();
  }

  #transaction(work: () => void): void {
    this.#sql.begin.run();
    try {
      work();
      this.#sql.commit.run();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** After some failures SQLite has rolled back itself, after others it cannot; the log protects both. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#sql.rollback.run();
    } catch {
      // The first error is the one to tell; the store is not used again.
    }
  }

  /** Memory may be ahead of the file when this throws: the store is not used again. */
  #write(changes: readonly Change[], wallMs: number): void {
    for (const change of changes) {
      if (!("message" in change)) writeTopology(this.#sql, this.#vault, change, wallMs);
    }
    this.#rows.apply(changes, wallMs);
  }

  *#messages(queues: number): Generator<StoredMessage> {
    try {
      const counts = yield* counting(readMessages(this.#sql, this.#rows.lanes));
      const bytes = Number(setting(this.#db, "page_count")) *
        Number(setting(this.#db, "page_size"));
      this.#recovery = { queues, ...counts, bytes, ms: performance.now() - this.#openedMs };
    } catch (error) {
      throw this.#fuse.blow(damageError(this.#path, error));
    }
  }
}
