/**
 * The store on SQLite: one file, one transaction per commit, synced before it is reported. Which
 * messages are where is kept in memory here; the database is behind a port and may be on another
 * thread.
 *
 * @module
 */
import { resolve } from "node:path";
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import type { Change } from "../core/effect.ts";
import type { MessageRef } from "../core/message.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";
import { BodyReader, type Place } from "./body_reader.ts";
import type { Database, OpenDatabase } from "./database.ts";
import { Fuse } from "./fuse.ts";
import { requireKey, sealCheck } from "./key_check.ts";
import { KeyVault } from "./key_vault.ts";
import { LaneTable } from "./lane_table.ts";
import { counting, type Recovery } from "./recovery.ts";
import { RowSweep } from "./row_sweep.ts";
import { damageError, storageError } from "./sqlite_error.ts";
import { claimFile } from "./sqlite_file.ts";
import { readLanes, readMessages, readSnapshot } from "./sqlite_snapshot.ts";
import type { Store } from "./store.ts";
import { dropping, type Moved, Transaction } from "./transaction.ts";

/** Where and how a {@linkcode SqliteStore} keeps its file. */
export interface SqliteStoreOptions {
  /** The database file; made, for its owner only, if there is none. Its folder must be there. */
  readonly path: string;
  /** 32 bytes that registered keys are encrypted under. */
  readonly aesKey: Uint8Array;
  /** Bytes of bodies kept in memory besides the file. */
  readonly cacheBytes: number;
}

/** Rows looked at in one call of `forget`: a few milliseconds. */
const SWEEP_ROWS = 1_000;

/** Durable memory in one SQLite file. */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #database: Database;
  readonly #releaseFile: () => void;
  readonly #vault: KeyVault;
  readonly #bodies: BodyReader;
  readonly #lanes = new LaneTable();
  readonly #sweep = new RowSweep();
  readonly #fuse: Fuse;
  readonly #openedMs = performance.now();
  #queues = 0;
  #recovery: Recovery | undefined;

  private constructor(
    { path, cacheBytes }: SqliteStoreOptions,
    vault: KeyVault,
    database: Database,
    releaseFile: () => void,
  ) {
    this.#path = path;
    this.#vault = vault;
    this.#database = database;
    this.#releaseFile = releaseFile;
    this.#bodies = new BodyReader(database, cacheBytes);
    this.#fuse = new Fuse((error) => storageError(path, error));
  }

  /**
   * Opens the file or makes it, and locks it, with its database on the thread that `openDatabase` opens
   * it on. Rejects with `configuration` if it is another program's,
   * of another version or made with another AES key, `storage` if it is locked, damaged or not usable.
   */
  static async open(
    options: SqliteStoreOptions,
    openDatabase: OpenDatabase,
  ): Promise<SqliteStore> {
    const { path } = options;
    const vault = new KeyVault(options.aesKey);
    let release = () => {};
    let database: Database | undefined;
    try {
      release = claimFile(resolve(path));
      database = await openDatabase({ path, check: sealCheck(vault) });
      await requireKey(database, path, vault);
      return new SqliteStore(options, vault, database, release);
    } catch (error) {
      await database?.close();
      release();
      throw storageError(path, error);
    }
  }

  /**
   * The state of the last commit. Rejects with `cryptographic` if a registered key was tampered with,
   * `storage` if the file is damaged.
   */
  load(): Promise<Snapshot> {
    return this.#fuse.run(async () => {
      try {
        await readLanes(this.#database, this.#lanes);
        const snapshot = await readSnapshot(this.#database, this.#lanes, this.#vault);
        this.#queues = snapshot.queues.length;
        return snapshot;
      } catch (error) {
        throw damageError(this.#path, error);
      }
    });
  }

  /** Its messages. Rejects with `storage` if the file is damaged. */
  async *messages(): AsyncGenerator<readonly StoredMessage[]> {
    this.#fuse.requireWhole();
    try {
      const counts = yield* counting(readMessages(this.#database, this.#lanes));
      const [size] = await this.#database.query("size");
      const ms = performance.now() - this.#openedMs;
      this.#recovery = { queues: this.#queues, ...counts, bytes: size![0], ms };
    } catch (error) {
      throw this.#fuse.blow(damageError(this.#path, error));
    }
  }

  /** What was found at the start; known when the messages have been read. */
  get recovery(): Recovery | undefined {
    return this.#recovery;
  }

  /**
   * Begins a backup: a copy of the state of the last commit, a database like this one, to be read with
   * {@linkcode SqliteStore.readBackup}. Gives its bytes. Other calls go on meanwhile, but the log is
   * not shortened until {@linkcode SqliteStore.endBackup}. A failure leaves this store usable, unless
   * it is its own disk that fails: `limit` while another backup is being made, `storage` if the file
   * cannot be read, this store is closed or its log cannot be copied into its file.
   */
  async beginBackup(): Promise<number> {
    this.#fuse.requireWhole();
    return await this.#database.beginBackup();
  }

  /**
   * The bytes of the backup from `offset` on, up to 192 KiB of them; none at its end and beyond. A
   * failure leaves this store usable.
   */
  async readBackup(offset: number): Promise<Uint8Array> {
    this.#fuse.requireWhole();
    return await this.#database.readBackup(offset);
  }

  /** Ends the backup, if there is one. */
  endBackup(): Promise<void> {
    return this.#database.endBackup();
  }

  /** Makes the changes durable as one. */
  commit(changes: readonly Change[], wallMs: number): Promise<void> {
    return this.#fuse.run(async () => {
      const bodies = await this.#bodiesToMove(changes);
      const transaction = new Transaction({ lanes: this.#lanes, vault: this.#vault, wallMs });
      for (const change of changes) transaction.take(change, bodies.get(change));
      transaction.finish();
      this.#bodies.keep(await this.#database.write(transaction.operations, transaction.bodies));
      this.#bodies.drop(transaction.finished);
      this.#bodies.drop(transaction.emptied);
      this.#sweep.finished(transaction.finished);
    });
  }

  /** The bodies of queued messages. They share memory with the rows they are in: not to be changed. */
  read(messages: readonly MessageRef[]): Promise<Uint8Array[]> {
    return this.#fuse.run(() =>
      this.#bodies.read(messages.map((message) => {
        const { seq } = message;
        const lane = this.#lanes.of(message);
        assert(lane.isQueued(seq), `a message that is read is queued, ${seq} is not`);
        return { lane, seq };
      }))
    );
  }

  /** Forgets rows of removed messages, looking at a bounded number of rows. */
  forget(wallMs: number): Promise<boolean> {
    return this.#fuse.run(async () => {
      const late = this.#sweep.takeLate(SWEEP_ROWS);
      const rows = await this.#database.query("batchesAfter", this.#sweep.cursor, SWEEP_ROWS);
      const swept = rows.map(([id, lane, last, at]) => ({
        id,
        at,
        done: last < this.#lanes.withId(lane).floor,
      }));
      const forgotten = [...late, ...this.#sweep.pass(swept, wallMs)];
      if (forgotten.length > 0) {
        await this.#database.write(dropping(forgotten, "dropBatches", "dropMoved"), new Map());
      }
      const allPassed = rows.at(-1)?.[0] === this.#sweep.cursor;
      return this.#sweep.hasLate || (allPassed && rows.length === SWEEP_ROWS);
    });
  }

  /** Releases the file. Safe after a failure, and when already closed. */
  async close(): Promise<void> {
    this.#fuse.blow(new CipherMqError("storage", `the database ${this.#path} is closed`));
    try {
      await this.#database.close();
    } finally {
      this.#releaseFile();
    }
  }

  /**
   * The bodies of what is to be moved from rows; what the same commit enqueues is in none. Each is
   * copied and the rows read one after the other, so that one can go before the next comes.
   */
  async #bodiesToMove(changes: readonly Change[]): Promise<ReadonlyMap<Change, Uint8Array>> {
    const byRow = new Map<number, { places: Place[]; changes: Moved[] }>();
    for (const change of changes) {
      if (change.kind !== "moved") continue;
      const { queue, receiver, seq } = change.from;
      const lane = this.#lanes.find(queue, receiver);
      const row = lane?.isQueued(seq) ? lane.rows.find(seq) : undefined;
      if (lane === undefined || row === undefined) continue;
      let found = byRow.get(row.id);
      if (found === undefined) byRow.set(row.id, found = { places: [], changes: [] });
      found.places.push({ lane, seq });
      found.changes.push(change);
    }
    const bodies = new Map<Change, Uint8Array>();
    for (const { places, changes } of byRow.values()) {
      const read = await this.#bodies.read(places);
      for (const [i, change] of changes.entries()) bodies.set(change, read[i]!.slice());
    }
    return bodies;
  }
}
