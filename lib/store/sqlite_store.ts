/**
 * The store on SQLite: one file, one connection, one transaction per commit, synced before it is
 * reported. It works synchronously inside and does not know which thread it runs on.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import type { Change } from "../core/effect.ts";
import type { MessageRef } from "../core/message.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";
import { bodiesData, bodyAt, bodyCount, type Enqueued, headsText, rowsOf } from "./batch_row.ts";
import { Fuse } from "./fuse.ts";
import { KeyVault } from "./key_vault.ts";
import type { Lane } from "./lane.ts";
import { LaneTable } from "./lane_table.ts";
import { RowCache } from "./row_cache.ts";
import { RowSweep } from "./row_sweep.ts";
import { openDatabase } from "./sqlite_database.ts";
import { storageError } from "./sqlite_error.ts";
import { CHECKPOINT_PAGES } from "./sqlite_schema.ts";
import { keyOwner, readLanes, readMessages, readRest } from "./sqlite_snapshot.ts";
import {
  type BatchPlace,
  prepareStatements,
  rangesOf,
  type Statements,
} from "./sqlite_statements.ts";
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

/** A row of bodies at hand, and the lane and places it is for. */
interface OpenRow {
  readonly lane: Lane;
  readonly first: number;
  readonly last: number;
  readonly data: Uint8Array;
}

/** Rows looked at in one call of `forget`: a few milliseconds. */
const SWEEP_ROWS = 1_000;

/** Durable memory in one SQLite file. */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #sql: Statements;
  readonly #vault: KeyVault;
  readonly #cache: RowCache;
  readonly #lanes = new LaneTable();
  readonly #sweep = new RowSweep();
  readonly #fuse: Fuse;
  #nextRow = 1;

  private constructor(options: SqliteStoreOptions, db: DatabaseSync, vault: KeyVault) {
    this.#path = options.path;
    this.#db = db;
    this.#sql = prepareStatements(db);
    this.#vault = vault;
    this.#cache = new RowCache(options.cacheBytes);
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

  /** The state of the last commit. Throws `cryptographic` if a registered key was tampered with. */
  load(): Promise<Snapshot> {
    return this.#fuse.run(() => {
      this.#nextRow = readLanes(this.#sql, this.#lanes);
      const rest = readRest(this.#sql, this.#lanes, this.#vault);
      return { ...rest, messages: { [Symbol.iterator]: () => this.#messages() } };
    });
  }

  /** Makes the changes durable as one. */
  commit(changes: readonly Change[], wallMs: number): Promise<void> {
    return this.#fuse.run(() => this.#transaction(() => this.#apply(changes, wallMs)));
  }

  /** The bodies of queued messages. They share memory with the rows they are in: not to be changed. */
  read(messages: readonly MessageRef[]): Promise<Uint8Array[]> {
    return this.#fuse.run(() => {
      let row: OpenRow | undefined;
      return messages.map(({ queue, receiver, seq }) => {
        const lane = this.#lane(queue, receiver);
        assert(lane.isQueued(seq), `a message that is read is queued, ${seq} is not`);
        const isAtHand = row?.lane === lane && row.first <= seq && seq <= row.last;
        if (!isAtHand) row = this.#openRow(lane, seq);
        return bodyAt(row!.data, seq - row!.first);
      });
    });
  }

  /** Forgets rows of removed messages, looking at a bounded number of rows. */
  forget(wallMs: number): Promise<boolean> {
    return this.#fuse.run(() => {
      const late = this.#sweep.takeLate(SWEEP_ROWS);
      const found = this.#sql.batchesAfter.all(this.#sweep.cursor, SWEEP_ROWS);
      const rows = found as unknown as BatchPlace[];
      const swept = rows.map(({ id, lane, last, at }) => ({
        id,
        at,
        done: last < this.#lanes.withId(lane).floor,
      }));
      const forgotten = [...late, ...this.#sweep.pass(swept, wallMs)];
      if (forgotten.length > 0) this.#transaction(() => this.#drop(forgotten, "dropBatches"));
      const allPassed = rows.at(-1)?.id === this.#sweep.cursor;
      return this.#sweep.hasLate || (allPassed && rows.length === SWEEP_ROWS);
    });
  }

  /** Releases the file. Safe after a failure, and when already closed. */
  close(): Promise<void> {
    this.#fuse.blow(new CipherMqError("storage", `the database ${this.#path} is closed`));
    if (this.#db.isOpen) this.#db.close();
    return Promise.resolve();
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
    this.#checkpoint();
  }

  /** Copies a long log into the file. Throws what the disk says: such a disk keeps nothing for sure. */
  #checkpoint(): void {
    const pages = this.#sql.logState.get()?.log as number;
    if (pages >= CHECKPOINT_PAGES) this.#sql.checkpoint.get();
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
  #apply(changes: readonly Change[], wallMs: number): void {
    const arrivals = new Map<Lane, Enqueued[]>();
    const settled = new Map<Lane, number[]>();
    for (const change of changes) {
      if (change.kind === "enqueued") this.#arrive(change, arrivals);
      else if (change.kind === "removed" || change.kind === "returned") {
        this.#settle(change, settled);
      } else this.#declare(change, wallMs);
    }
    for (const [lane, messages] of arrivals) this.#addRows(lane, messages, wallMs);
    this.#updateLanes(settled);
  }

  #declare(change: Exclude<Change, { message: unknown }>, wallMs: number): void {
    switch (change.kind) {
      case "exchange_declared":
        this.#sql.declareExchange.run(change.exchange, change.exchangeKind);
        break;
      case "queue_declared":
        this.#sql.declareQueue.run(change.queue);
        break;
      case "bound":
        this.#sql.bind.run(change.queue, change.exchange, change.routingKey);
        break;
      case "key_registered": {
        const { ciphertext, nonce, tag } = this.#vault.seal(keyOwner(change.client), change.key);
        this.#sql.registerKey.run(change.client, ciphertext, nonce, tag, wallMs);
      }
    }
  }

  #arrive(change: Enqueued, arrivals: Map<Lane, Enqueued[]>): void {
    const { queue, receiver, seq } = change.message;
    const lane = this.#lanes.find(queue, receiver) ?? this.#addLane(queue, receiver);
    lane.append(seq);
    const messages = arrivals.get(lane);
    if (messages === undefined) arrivals.set(lane, [change]);
    else messages.push(change);
  }

  #addLane(queue: string, receiver: string): Lane {
    const id = this.#lanes.nextId;
    this.#sql.addLane.run(id, queue, receiver);
    return this.#lanes.add({ id, queue, receiver, floor: 0, marks: "[]" });
  }

  /** Notes the change in its lane, and in `settled` the lane and what was removed from it. */
  #settle(
    change: Extract<Change, { kind: "removed" | "returned" }>,
    settled: Map<Lane, number[]>,
  ): void {
    const { queue, receiver, seq } = change.message;
    const lane = this.#lane(queue, receiver);
    let removed = settled.get(lane);
    if (removed === undefined) settled.set(lane, removed = []);
    if (change.kind === "returned") return lane.countDeliveries(seq, change.deliveries);
    lane.remove(seq);
    removed.push(seq);
  }

  #lane(queue: string, receiver: string): Lane {
    const lane = this.#lanes.find(queue, receiver);
    assert(lane !== undefined, "a message that is named is in a lane");
    return lane;
  }

  #addRows(lane: Lane, messages: readonly Enqueued[], wallMs: number): void {
    for (const row of rowsOf(messages)) {
      const id = this.#nextRow++;
      const last = row.at(-1)!.message.seq;
      const data = bodiesData(row);
      this.#sql.addBatch.run(id, lane.id, last, row.length, Math.floor(wallMs), headsText(row));
      this.#sql.addBody.run(id, data);
      lane.rows.push({ id, last });
      this.#cache.put(id, data);
    }
  }

  #updateLanes(settled: ReadonlyMap<Lane, readonly number[]>): void {
    const finished: number[] = [];
    const emptied = new Set<number>();
    for (const [lane, removed] of settled) {
      this.#sql.updateLane.run(lane.floor, lane.marks, lane.id);
      for (const id of lane.rows.takeBelow(lane.floor)) finished.push(id);
      for (const seq of removed) {
        const id = lane.emptiedRow(seq);
        if (id !== undefined) emptied.add(id);
      }
    }
    const ids = [...finished, ...emptied];
    for (const id of ids) this.#cache.delete(id);
    this.#drop(ids, "dropBodies");
    this.#sweep.finished(finished);
  }

  #drop(rowIds: number[], from: "dropBodies" | "dropBatches"): void {
    const sorted = rowIds.sort((a, b) => a - b);
    for (const [first, last] of rangesOf(sorted)) this.#sql[from].run(first, last);
  }

  #openRow(lane: Lane, seq: number): OpenRow {
    const row = lane.rows.find(seq);
    assert(row !== undefined, `a row has message ${seq}`);
    const data = this.#cache.get(row.id) ?? this.#readRow(row.id);
    return { lane, first: row.last - bodyCount(data) + 1, last: row.last, data };
  }

  #readRow(id: number): Uint8Array {
    const data = this.#sql.body.get(id)?.data;
    assert(data instanceof Uint8Array, `row ${id} has its bodies`);
    this.#cache.put(id, data);
    return data;
  }

  *#messages(): Generator<StoredMessage> {
    try {
      yield* readMessages(this.#sql, this.#lanes);
    } catch (error) {
      throw this.#fuse.blow(error);
    }
  }
}
