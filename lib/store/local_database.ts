/**
 * The database on the thread that calls it: every call is done when it returns.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../base/errors.ts";
import type { Bodies, Database, DatabaseOptions, Operation } from "./database.ts";
import { Fuse } from "./fuse.ts";
import { LiveCopy } from "./live_copy.ts";
import { bodySum } from "./row_sum.ts";
import { openDatabase } from "./sqlite_database.ts";
import { storageError } from "./sqlite_error.ts";
import {
  prepareStatements,
  type QueryName,
  type QueryRows,
  type Statements,
} from "./sqlite_statements.ts";
import { WriteAheadLog } from "./write_ahead_log.ts";

/** One connection of SQLite: a transaction per write, synced before it is reported. */
export class LocalDatabase implements Database {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #sql: Statements;
  readonly #fuse: Fuse;
  readonly #log: WriteAheadLog;
  readonly #copy: LiveCopy;

  private constructor(path: string, db: DatabaseSync) {
    this.#path = path;
    this.#db = db;
    this.#sql = prepareStatements(db);
    this.#fuse = new Fuse((error) => storageError(path, error));
    this.#log = new WriteAheadLog(db, this.#fuse);
    this.#copy = new LiveCopy(db, path, this.#log);
  }

  /** Opens the database of a claimed file, or makes it. Rejects with what `openDatabase` throws. */
  static open(options: DatabaseOptions): Promise<LocalDatabase> {
    return Promise.try(() => new LocalDatabase(options.path, openDatabase(options)));
  }

  /** Writes as one transaction. The bodies that it gives are those it was given. */
  write(operations: readonly Operation[], bodies: Bodies): Promise<Bodies> {
    return this.#fuse.run(() => {
      this.#transaction(() => {
        for (const [id, data] of bodies) this.#sql.addBody.run(id, data, bodySum(id, data));
        for (const [name, ...parameters] of operations) this.#sql[name].run(...parameters);
      });
      return bodies;
    });
  }

  /** The rows that a query finds. */
  query<Name extends QueryName>(name: Name, ...parameters: number[]): Promise<QueryRows[Name][]> {
    return this.#fuse.run(() => this.#sql[name].all(...parameters) as unknown as QueryRows[Name][]);
  }

  /** Begins a copy, unless something failed before. */
  beginBackup(): Promise<number> {
    return this.#try(() => this.#copy.begin());
  }

  /** Some bytes of the copy. */
  readBackup(offset: number): Promise<Uint8Array> {
    return this.#try(() => this.#copy.read(offset));
  }

  /** Ends the copy, if there is one. */
  endBackup(): Promise<void> {
    this.#copy.end();
    return Promise.resolve();
  }

  /** Releases the file. */
  close(): Promise<void> {
    this.#fuse.blow(new CipherMqError("storage", `the database ${this.#path} is closed`));
    return Promise.try(() => {
      if (this.#db.isOpen) this.#db.close();
      this.#copy.close();
    });
  }

  /** A copy that fails is no failure of the database, unless the log is what failed. */
  #try<T>(work: () => T): Promise<T> {
    return Promise.try(() => {
      this.#fuse.requireWhole();
      return work();
    });
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
    this.#log.shorten();
  }

  /** After some failures SQLite has rolled back itself, after others it cannot; the log protects both. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#sql.rollback.run();
    } catch {
      // The first error is the one to tell; the database is not used again.
    }
  }
}
