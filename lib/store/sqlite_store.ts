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
import { type Arrival, bodiesData, bodyAt, bodyCount, rowsOf } from "./batch_row.ts";
import { Fuse } from "./fuse.ts";
import { headsText } from "./heads_text.ts";
import { KeyVault } from "./key_vault.ts";
import type { Lane } from "./lane.ts";
import type { RowRef } from "./lane_rows.ts";
import { LaneTable } from "./lane_table.ts";
import { LiveCopy } from "./live_copy.ts";
import { counting, type Recovery } from "./recovery.ts";
import { RowCache } from "./row_cache.ts";
import { RowSweep } from "./row_sweep.ts";
import { openDatabase } from "./sqlite_database.ts";
import { damageError, storageError } from "./sqlite_error.ts";
import { setting } from "./sqlite_schema.ts";
import { readLanes, readMessages, readRest } from "./sqlite_snapshot.ts";
import {
  type BatchPlace,
  prepareStatements,
  rangesOf,
  type Statements,
} from "./sqlite_statements.ts";
import { writeTopology } from "./sqlite_topology.ts";
import type { Store } from "./store.ts";
import { WriteAheadLog } from "./write_ahead_log.ts";

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

/** What a commit does to messages, before any of it is written. */
class Work {
  /** The messages that join each lane, in order. */
  readonly arrivals = new Map<Lane, Arrival[]>();
  /** The lanes with another floor or other marks, and the places that single messages left in them. */
  readonly settled = new Map<Lane, number[]>();
  /** Of these places those that were left for another lane. */
  readonly moved = new Map<Lane, number[]>();

  /** The places left in a lane, to be added to; from now on it is a settled one. */
  leftOf(lane: Lane): number[] {
    let left = this.settled.get(lane);
    if (left === undefined) this.settled.set(lane, left = []);
    return left;
  }
}

type Moved = Extract<Change, { kind: "moved" }>;

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
  readonly #log: WriteAheadLog;
  readonly #copy: LiveCopy;
  readonly #openedMs = performance.now();
  #recovery: Recovery | undefined;
  #nextRow = 1;

  private constructor(options: SqliteStoreOptions, db: DatabaseSync, vault: KeyVault) {
    this.#path = options.path;
    this.#db = db;
    this.#sql = prepareStatements(db);
    this.#vault = vault;
    this.#cache = new RowCache(options.cacheBytes);
    this.#fuse = new Fuse((error) => storageError(options.path, error));
    this.#log = new WriteAheadLog(db, this.#fuse);
    this.#copy = new LiveCopy(db, options.path, this.#log);
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
        this.#nextRow = readLanes(this.#sql, this.#lanes);
        const rest = readRest(this.#sql, this.#lanes, this.#vault);
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

  /**
   * Begins a backup: a copy of the state of the last commit, a database like this one, to be read with
   * {@linkcode SqliteStore.readBackup}. Gives its bytes. Other calls go on meanwhile, but the log is
   * not shortened until {@linkcode SqliteStore.endBackup}. A failure leaves this store usable, unless
   * it is its own disk that fails: `limit` while another backup is being made, `storage` if the file
   * cannot be read, this store is closed or its log cannot be copied into its file.
   */
  beginBackup(): Promise<number> {
    return this.#fuse.run(() => Promise.try(() => this.#copy.begin()));
  }

  /**
   * The bytes of the backup from `offset` on, up to 192 KiB of them; none at its end and beyond. A
   * failure leaves this store usable.
   */
  readBackup(offset: number): Promise<Uint8Array> {
    return this.#fuse.run(() => Promise.try(() => this.#copy.read(offset)));
  }

  /** Ends the backup, if there is one. */
  endBackup(): Promise<void> {
    this.#copy.end();
    return Promise.resolve();
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
      if (forgotten.length > 0) {
        this.#transaction(() => this.#drop(forgotten, "dropBatches", "dropMoved"));
      }
      const allPassed = rows.at(-1)?.id === this.#sweep.cursor;
      return this.#sweep.hasLate || (allPassed && rows.length === SWEEP_ROWS);
    });
  }

  /** Releases the file. Safe after a failure, and when already closed. */
  close(): Promise<void> {
    this.#fuse.blow(new CipherMqError("storage", `the database ${this.#path} is closed`));
    return Promise.try(() => {
      if (this.#db.isOpen) this.#db.close();
      this.#copy.close();
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
      // The first error is the one to tell; the store is not used again.
    }
  }

  /** Memory may be ahead of the file when this throws: the store is not used again. */
  #apply(changes: readonly Change[], wallMs: number): void {
    const work = new Work();
    const bodies = this.#bodiesToMove(changes);
    for (const change of changes) {
      if (!("message" in change)) {
        writeTopology(this.#sql, this.#vault, change, wallMs);
        if (change.kind === "queue_deleted") this.#empty(change.queue, work);
      } else if (change.kind === "enqueued") this.#arrive(change, work);
      else if (change.kind === "moved") this.#move(change, bodies.get(change), work);
      else this.#settle(change, work);
    }
    for (const [lane, messages] of work.arrivals) this.#addRows(lane, messages, wallMs);
    for (const [lane, places] of work.moved) this.#noteMoved(lane, places);
    this.#updateLanes(work.settled);
  }

  /** Reads what is to be moved from rows, each row once. What the same commit enqueues is in none. */
  #bodiesToMove(changes: readonly Change[]): ReadonlyMap<Moved, Uint8Array> {
    const byRow = new Map<number, { lane: Lane; changes: Moved[] }>();
    for (const change of changes) {
      if (change.kind !== "moved") continue;
      const { queue, receiver, seq } = change.from;
      const lane = this.#lanes.find(queue, receiver);
      const row = lane?.isQueued(seq) ? lane.rows.find(seq) : undefined;
      if (lane === undefined || row === undefined) continue;
      const found = byRow.get(row.id);
      if (found === undefined) byRow.set(row.id, { lane, changes: [change] });
      else found.changes.push(change);
    }
    const bodies = new Map<Moved, Uint8Array>();
    for (const { lane, changes } of byRow.values()) {
      const { first, data } = this.#openRow(lane, changes[0]!.from.seq);
      // Copied, so that the row can go before the next one comes.
      for (const change of changes) {
        bodies.set(change, bodyAt(data, change.from.seq - first).slice());
      }
    }
    return bodies;
  }

  #arrive(arrival: Arrival, { arrivals }: Work): void {
    const { queue, receiver, seq } = arrival.message;
    const lane = this.#lanes.find(queue, receiver) ?? this.#addLane(queue, receiver);
    lane.append(seq);
    const messages = arrivals.get(lane);
    if (messages === undefined) arrivals.set(lane, [arrival]);
    else messages.push(arrival);
  }

  #move({ from, message }: Moved, stored: Uint8Array | undefined, work: Work): void {
    const lane = this.#lane(from.queue, from.receiver);
    lane.remove(from.seq);
    work.leftOf(lane).push(from.seq);
    const places = work.moved.get(lane);
    if (places === undefined) work.moved.set(lane, [from.seq]);
    else places.push(from.seq);
    this.#arrive({ message, body: stored ?? this.#arrived(lane, from.seq, work) }, work);
  }

  /** The body of a message that came with the same commit. */
  #arrived(lane: Lane, seq: number, { arrivals }: Work): Uint8Array {
    const messages = arrivals.get(lane);
    const arrival = messages?.[seq - messages[0]!.message.seq];
    assert(arrival !== undefined, `message ${seq} is in a row or came just now`);
    return arrival.body;
  }

  /** Leaves nothing above a floor, so that no place needs to be noted as left. */
  #empty(queue: string, work: Work): void {
    for (const lane of this.#lanes.ofQueue(queue)) {
      lane.removeAll();
      work.leftOf(lane);
    }
  }

  #addLane(queue: string, receiver: string): Lane {
    const id = this.#lanes.nextId;
    this.#sql.addLane.run(id, queue, receiver);
    return this.#lanes.add({ id, queue, receiver, floor: 0, marks: "[]" });
  }

  #settle(change: Extract<Change, { kind: "removed" | "returned" }>, work: Work): void {
    const { queue, receiver, seq } = change.message;
    const lane = this.#lane(queue, receiver);
    const left = work.leftOf(lane);
    if (change.kind === "returned") return lane.countDeliveries(seq, change.deliveries);
    lane.remove(seq);
    left.push(seq);
  }

  #lane(queue: string, receiver: string): Lane {
    const lane = this.#lanes.find(queue, receiver);
    assert(lane !== undefined, "a message that is named is in a lane");
    return lane;
  }

  #addRows(lane: Lane, messages: readonly Arrival[], wallMs: number): void {
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

  /** Before the rows of the places can go: the places are noted by row, to be forgotten with it. */
  #noteMoved(lane: Lane, places: number[]): void {
    for (const [first, last] of rangesOf(places.sort((a, b) => a - b))) {
      for (let from = first; from <= last;) {
        const row = this.#rowOf(lane, from);
        const to = Math.min(last, row.last);
        this.#sql.addMoved.run(row.id, from, to);
        from = to + 1;
      }
    }
  }

  #updateLanes(settled: ReadonlyMap<Lane, readonly number[]>): void {
    const finished: number[] = [];
    const emptied = new Set<number>();
    for (const [lane, left] of settled) {
      this.#sql.updateLane.run(lane.floor, lane.marks, lane.id);
      for (const id of lane.rows.takeBelow(lane.floor)) finished.push(id);
      for (const seq of left) {
        const id = lane.emptiedRow(seq);
        if (id !== undefined) emptied.add(id);
      }
    }
    const ids = [...finished, ...emptied];
    for (const id of ids) this.#cache.delete(id);
    this.#drop(ids, "dropBodies");
    this.#sweep.finished(finished);
  }

  #drop(rowIds: number[], ...from: ("dropBodies" | "dropBatches" | "dropMoved")[]): void {
    const sorted = rowIds.sort((a, b) => a - b);
    for (const [first, last] of rangesOf(sorted)) {
      for (const table of from) this.#sql[table].run(first, last);
    }
  }

  #openRow(lane: Lane, seq: number): OpenRow {
    const row = this.#rowOf(lane, seq);
    const data = this.#cache.get(row.id) ?? this.#readRow(row.id);
    return { lane, first: row.last - bodyCount(data) + 1, last: row.last, data };
  }

  #rowOf(lane: Lane, seq: number): RowRef {
    const row = lane.rows.find(seq);
    assert(row !== undefined, `a row has message ${seq}`);
    return row;
  }

  #readRow(id: number): Uint8Array {
    const data = this.#sql.body.get(id)?.data;
    assert(data instanceof Uint8Array, `row ${id} has its bodies`);
    this.#cache.put(id, data);
    return data;
  }

  *#messages(queues: number): Generator<StoredMessage> {
    try {
      const counts = yield* counting(readMessages(this.#sql, this.#lanes));
      const bytes = Number(setting(this.#db, "page_count")) *
        Number(setting(this.#db, "page_size"));
      this.#recovery = { queues, ...counts, bytes, ms: performance.now() - this.#openedMs };
    } catch (error) {
      throw this.#fuse.blow(damageError(this.#path, error));
    }
  }
}
