/**
 * Messages in their tables, and what is kept in memory of where they are. Whoever calls it sees to the
 * transaction.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { Change } from "../core/effect.ts";
import type { MessageRef } from "../core/message.ts";
import { type Arrival, bodiesData, bodyAt, bodyCount, rowsOf } from "./batch_row.ts";
import { headsText } from "./heads_text.ts";
import type { Lane } from "./lane.ts";
import type { RowRef } from "./lane_rows.ts";
import { LaneTable } from "./lane_table.ts";
import { RowCache } from "./row_cache.ts";
import { RowSweep } from "./row_sweep.ts";
import { readLanes } from "./sqlite_snapshot.ts";
import { type BatchPlace, rangesOf, type Statements } from "./sqlite_statements.ts";

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
  /** The lanes with another floor or other marks. */
  readonly settled = new Set<Lane>();
  /** The places that messages left for another lane. */
  readonly moved = new Map<Lane, number[]>();
}

type Moved = Extract<Change, { kind: "moved" }>;

/** Rows looked at in one call of `forget`: a few milliseconds. */
const SWEEP_ROWS = 1_000;

/** The messages of one database. */
export class MessageRows {
  /** The lanes they are in. */
  readonly lanes = new LaneTable();
  readonly #sql: Statements;
  readonly #cache: RowCache;
  readonly #sweep = new RowSweep();
  #nextRow = 1;

  /** Nothing is known before {@linkcode MessageRows.load}. Keeps at most `cacheBytes` of bodies in memory. */
  constructor(sql: Statements, cacheBytes: number) {
    this.#sql = sql;
    this.#cache = new RowCache(cacheBytes);
  }

  /** Bytes of bodies kept in memory now. */
  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  /** Finds the lanes and the rows with queued messages. To be called once. */
  load(): void {
    this.#nextRow = readLanes(this.#sql, this.lanes);
  }

  /** The bodies of queued messages. They share memory with the rows they are in. */
  read(messages: readonly MessageRef[]): Uint8Array[] {
    let row: OpenRow | undefined;
    return messages.map(({ queue, receiver, seq }) => {
      const lane = this.#lane(queue, receiver);
      assert(lane.isQueued(seq), `a message that is read is queued, ${seq} is not`);
      const isAtHand = row?.lane === lane && row.first <= seq && seq <= row.last;
      if (!isAtHand) row = this.#openRow(lane, seq);
      return bodyAt(row!.data, seq - row!.first);
    });
  }

  /** Which rows can be forgotten, as far as a bounded look goes, and whether there is more to look at. */
  sweep(wallMs: number): { readonly forgotten: number[]; readonly more: boolean } {
    const late = this.#sweep.takeLate(SWEEP_ROWS);
    const found = this.#sql.batchesAfter.all(this.#sweep.cursor, SWEEP_ROWS);
    const rows = found as unknown as BatchPlace[];
    const swept = rows.map(({ id, lane, last, at }) => ({
      id,
      at,
      done: last < this.lanes.withId(lane).floor,
    }));
    const forgotten = [...late, ...this.#sweep.pass(swept, wallMs)];
    const allPassed = rows.at(-1)?.id === this.#sweep.cursor;
    return { forgotten, more: this.#sweep.hasLate || (allPassed && rows.length === SWEEP_ROWS) };
  }

  /** Forgets rows without a queued message. */
  forget(rowIds: number[]): void {
    this.#drop(rowIds, "dropBatches", "dropMoved");
  }

  /** Writes the changes to messages. Memory is ahead of the file when this throws, and useless. */
  apply(changes: readonly Change[], wallMs: number): void {
    const work = new Work();
    const bodies = this.#bodiesToMove(changes);
    for (const change of changes) {
      if (change.kind === "queue_deleted") this.#empty(change.queue, work);
      if (!("message" in change)) continue;
      if (change.kind === "enqueued") this.#arrive(change, work);
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
      const lane = this.lanes.find(queue, receiver);
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
    const lane = this.lanes.find(queue, receiver) ?? this.#addLane(queue, receiver);
    lane.append(seq);
    const messages = arrivals.get(lane);
    if (messages === undefined) arrivals.set(lane, [arrival]);
    else messages.push(arrival);
  }

  #move({ from, message }: Moved, stored: Uint8Array | undefined, work: Work): void {
    const lane = this.#lane(from.queue, from.receiver);
    lane.remove(from.seq);
    work.settled.add(lane);
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

  #empty(queue: string, { settled }: Work): void {
    for (const lane of this.lanes.ofQueue(queue)) {
      lane.removeAll();
      settled.add(lane);
    }
  }

  #addLane(queue: string, receiver: string): Lane {
    const id = this.lanes.nextId;
    this.#sql.addLane.run(id, queue, receiver);
    return this.lanes.add({ id, queue, receiver, floor: 0, marks: "[]" });
  }

  #settle(change: Extract<Change, { kind: "removed" | "returned" }>, { settled }: Work): void {
    const { queue, receiver, seq } = change.message;
    const lane = this.#lane(queue, receiver);
    if (change.kind === "removed") lane.remove(seq);
    else lane.countDeliveries(seq, change.deliveries);
    settled.add(lane);
  }

  #lane(queue: string, receiver: string): Lane {
    const lane = this.lanes.find(queue, receiver);
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

  #updateLanes(lanes: Iterable<Lane>): void {
    const finished: number[] = [];
    for (const lane of lanes) {
      this.#sql.updateLane.run(lane.floor, lane.marks, lane.id);
      for (const id of lane.rows.takeBelow(lane.floor)) finished.push(id);
    }
    for (const id of finished) this.#cache.delete(id);
    this.#drop(finished, "dropBodies");
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
}
