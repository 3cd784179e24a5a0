/**
 * What one commit writes: the changes applied to the lanes in memory, and the operations that bring the
 * database to the same.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { Change } from "../core/effect.ts";
import { type Arrival, bodiesData, rowsOf } from "./batch_row.ts";
import type { Operation } from "./database.ts";
import { headsText } from "./heads_text.ts";
import type { KeyVault } from "./key_vault.ts";
import { type Lane, laneSum } from "./lane.ts";
import type { LaneTable } from "./lane_table.ts";
import { rowSum } from "./row_sum.ts";
import { rangesOf } from "./sqlite_statements.ts";
import { topologyOperations } from "./sqlite_topology.ts";

/** A change that takes a message to another lane. */
export type Moved = Extract<Change, { kind: "moved" }>;

/** What a transaction is made with. */
export interface TransactionOptions {
  /** All lanes; changed while changes are taken. */
  readonly lanes: LaneTable;
  /** Seals registered keys. */
  readonly vault: KeyVault;
  /** When the changes were accepted, in milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

/** One commit in the making. When it throws, memory may be ahead of the database. */
export class Transaction {
  /** What to write. */
  readonly operations: Operation[] = [];
  /** The rows of bodies to add. */
  readonly bodies = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Rows that are below their lane's floor now. */
  readonly finished: number[] = [];
  /** Other rows with nothing queued in them any more. */
  readonly emptied = new Set<number>();
  readonly #options: TransactionOptions;
  /** The messages that join each lane, in order. */
  readonly #arrivals = new Map<Lane, Arrival[]>();
  /** The lanes with another floor or other marks, and the places that single messages left in them. */
  readonly #settled = new Map<Lane, number[]>();
  /** Of these places those that were left for another lane. */
  readonly #moved = new Map<Lane, number[]>();

  /** A transaction that does nothing yet. */
  constructor(options: TransactionOptions) {
    this.#options = options;
  }

  /** Takes the next change, of a moved message with the body if that is in a row already. */
  take(change: Change, stored?: Uint8Array): void {
    if (!("message" in change)) {
      const { vault, wallMs } = this.#options;
      this.operations.push(...topologyOperations(vault, change, wallMs));
      if (change.kind === "queue_deleted") this.#empty(change.queue);
    } else if (change.kind === "enqueued") this.#arrive(change);
    else if (change.kind === "moved") this.#move(change, stored);
    else this.#settle(change);
  }

  /** Adds what follows from all changes together. To be called once, after the last. */
  finish(): void {
    for (const [lane, messages] of this.#arrivals) this.#addRows(lane, messages);
    for (const [lane, places] of this.#moved) this.#noteMoved(lane, places);
    this.#updateLanes();
  }

  #arrive(arrival: Arrival): void {
    const { queue, receiver, seq } = arrival.message;
    const lane = this.#options.lanes.find(queue, receiver) ?? this.#addLane(queue, receiver);
    lane.append(seq);
    const messages = this.#arrivals.get(lane);
    if (messages === undefined) this.#arrivals.set(lane, [arrival]);
    else messages.push(arrival);
  }

  #move({ from, message }: Moved, stored: Uint8Array | undefined): void {
    const lane = this.#options.lanes.of(from);
    lane.remove(from.seq);
    this.#leftOf(lane).push(from.seq);
    const places = this.#moved.get(lane);
    if (places === undefined) this.#moved.set(lane, [from.seq]);
    else places.push(from.seq);
    this.#arrive({ message, body: stored ?? this.#arrived(lane, from.seq) });
  }

  /** The body of a message that came with the same commit. */
  #arrived(lane: Lane, seq: number): Uint8Array {
    const messages = this.#arrivals.get(lane);
    const arrival = messages?.[seq - messages[0]!.message.seq];
    assert(arrival !== undefined, `message ${seq} is in a row or came just now`);
    return arrival.body;
  }

  /** Leaves nothing above a floor, so that no place needs to be noted as left. */
  #empty(queue: string): void {
    for (const lane of this.#options.lanes.ofQueue(queue)) {
      lane.removeAll();
      this.#leftOf(lane);
    }
  }

  #addLane(queue: string, receiver: string): Lane {
    const { lanes } = this.#options;
    const id = lanes.nextId;
    const state = { id, queue, receiver, floor: 0, marks: "[]" };
    this.operations.push(["addLane", id, queue, receiver, laneSum(state)]);
    return lanes.add(state);
  }

  #settle(change: Extract<Change, { kind: "removed" | "returned" }>): void {
    const { seq } = change.message;
    const lane = this.#options.lanes.of(change.message);
    const left = this.#leftOf(lane);
    if (change.kind === "returned") return lane.countDeliveries(seq, change.deliveries);
    lane.remove(seq);
    left.push(seq);
  }

  /** The places left in a lane, to be added to; from now on it is a settled one. */
  #leftOf(lane: Lane): number[] {
    let left = this.#settled.get(lane);
    if (left === undefined) this.#settled.set(lane, left = []);
    return left;
  }

  #addRows(lane: Lane, messages: readonly Arrival[]): void {
    const at = Math.floor(this.#options.wallMs);
    for (const row of rowsOf(messages)) {
      const id = this.#options.lanes.takeRowId();
      const last = row.at(-1)!.message.seq;
      const columns = [id, lane.id, last, row.length, at, headsText(row)] as const;
      this.operations.push(["addBatch", ...columns, rowSum(...columns)]);
      this.bodies.set(id, bodiesData(row));
      lane.rows.push({ id, last });
    }
  }

  /** Before the rows of the places can go: the places are noted by row, to be forgotten with it. */
  #noteMoved(lane: Lane, places: number[]): void {
    for (const [first, last] of rangesOf(places.sort((a, b) => a - b))) {
      for (let from = first; from <= last;) {
        const row = lane.rowOf(from);
        const to = Math.min(last, row.last);
        this.operations.push(["addMoved", row.id, from, to, rowSum(row.id, from, to)]);
        from = to + 1;
      }
    }
  }

  #updateLanes(): void {
    for (const [lane, left] of this.#settled) {
      this.operations.push(["updateLane", lane.floor, lane.marks, laneSum(lane), lane.id]);
      for (const id of lane.rows.takeBelow(lane.floor)) this.finished.push(id);
      for (const seq of left) {
        const id = lane.emptiedRow(seq);
        if (id !== undefined) this.emptied.add(id);
      }
    }
    const unneeded = [...this.finished, ...this.emptied];
    for (const operation of dropping(unneeded, "dropBodies")) this.operations.push(operation);
  }
}

/** The operations that delete rows from tables. */
export function dropping(
  rowIds: number[],
  ...from: ("dropBodies" | "dropBatches" | "dropMoved")[]
): Operation[] {
  const ranges = [...rangesOf(rowIds.sort((a, b) => a - b))];
  return ranges.flatMap(([first, last]) => from.map((table): Operation => [table, first, last]));
}
