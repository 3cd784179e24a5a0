/**
 * The port between the messages' book-keeping and the database that keeps them. It takes whole
 * transactions and gives whole results, so that the database can be on another thread.
 *
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import type { Sealed } from "./key_vault.ts";
import type { QueryName, QueryRows, WriteName } from "./sqlite_statements.ts";

/** A statement that changes something, with its parameters. */
export type Operation = readonly [name: WriteName, ...parameters: SQLInputValue[]];

/** Rows of bodies by their ids, each with memory of its own. */
export type Bodies = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

/** Where a database is, and what a new one gets. */
export interface DatabaseOptions {
  /** The file; made if there is none. */
  readonly path: string;
  /** The sealed value that a new database keeps, to tell a wrong key by. */
  readonly check: Sealed;
}

/** Opens a database, or rejects with what {@linkcode Database} rejects with. */
export type OpenDatabase = (options: DatabaseOptions) => Promise<Database>;

/**
 * One open database. Nobody else can open it before it is closed. Calls are done in their order.
 * After `write` or `query` has rejected, which is with `storage`, every call but `close` rejects.
 */
export interface Database {
  /**
   * Adds rows of bodies and then does the operations, as one transaction that survives the death of the
   * machine when this resolves. The bodies are the database's until it gives them back.
   */
  write(operations: readonly Operation[], bodies: Bodies): Promise<Bodies>;
  /** The rows that a query finds. */
  query<Name extends QueryName>(name: Name, ...parameters: number[]): Promise<QueryRows[Name][]>;
  /**
   * Begins a copy of the state of the last commit, and gives its bytes. The log is not shortened until
   * it ends. Rejects with `limit` while there is another copy, `storage` if the file cannot be read.
   */
  beginBackup(): Promise<number>;
  /** The bytes of the copy from `offset` on, up to 192 KiB of them; none at its end and beyond. */
  readBackup(offset: number): Promise<Uint8Array>;
  /** Ends the copy, if there is one. */
  endBackup(): Promise<void>;
  /** Releases the file. Safe after a failure, and when already closed. */
  close(): Promise<void>;
}
