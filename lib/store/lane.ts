/**
 * A lane as the SQLite store keeps it in memory: the messages of one queue for one receiver, of
 * which all below the floor are removed.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { type FoundRow, LaneRows } from "./lane_rows.ts";
import { rowSum } from "./row_sum.ts";
import { SeqRuns } from "./seq_runs.ts";

/** The note of a message that was removed; any other is how often its delivery came back. */
const REMOVED = 0;

/** A lane's row in the table `lane`. */
export interface LaneState {
  /** The row's id. */
  readonly id: number;
  /** The queue's name. */
  readonly queue: string;
  /** The identity its messages are addressed to. */
  readonly receiver: string;
  /** Every message below this place is removed. */
  readonly floor: number;
  /** What is noted of the messages from the floor on, as {@linkcode SeqRuns} prints it. */
  readonly marks: string;
}

/** The checksum of a lane's row. */
export function laneSum({ id, queue, receiver, floor, marks }: LaneState): number {
  return rowSum(id, queue, receiver, floor, marks);
}

/** One lane. Its assertions refuse changes that contradict what the store has. */
export class Lane {
  /** The lane's id in the tables. */
  readonly id: number;
  /** The queue's name. */
  readonly queue: string;
  /** The identity its messages are addressed to. */
  readonly receiver: string;
  /** The rows with queued messages. */
  readonly rows = new LaneRows();
  readonly #marks: SeqRuns;
  #floor: number;
  #next: number;

  /** A lane as its row tells it; `next` is not known before its rows are {@linkcode Lane.saw seen}. */
  constructor(state: LaneState) {
    this.id = state.id;
    this.queue = state.queue;
    this.receiver = state.receiver;
    this.#floor = state.floor;
    this.#next = state.floor;
    this.#marks = SeqRuns.parse(state.marks);
  }

  /** Every message below this place is removed. */
  get floor(): number {
    return this.#floor;
  }

  /** The place of the next message. */
  get next(): number {
    return this.#next;
  }

  /** The notes as they are stored. */
  get marks(): string {
    return this.#marks.empty ? "[]" : this.#marks.toString();
  }

  /** Takes a row with a queued message that was found on disk. They come in the order they were written. */
  saw(rowId: number, last: number): void {
    assert(last >= this.#next, `a row up to ${last} comes after message ${this.#next - 1}`);
    this.#next = last + 1;
    this.rows.push({ id: rowId, last });
  }

  /** Adds a message at the end. */
  append(seq: number): void {
    assert(seq === this.#next, `message ${seq} of a lane comes after message ${this.#next - 1}`);
    this.#next++;
  }

  /** Removes a queued message. */
  remove(seq: number): void {
    assert(this.isQueued(seq), `a removed message is queued, ${seq} is not`);
    if (seq !== this.#floor) return this.#marks.set(seq, REMOVED);
    this.#marks.delete(seq);
    this.#floor = this.#marks.skip(seq + 1, REMOVED);
  }

  /** Removes whatever is queued; the places stay used. */
  removeAll(): void {
    this.#marks.clear();
    this.#floor = this.#next;
  }

  /** Notes how often the delivery of a queued message came back; at least once. */
  countDeliveries(seq: number, deliveries: number): void {
    assert(this.isQueued(seq), `a returned message is queued, ${seq} is not`);
    assert(Number.isSafeInteger(deliveries) && deliveries > 0, "deliveries are counted from 1");
    this.#marks.set(seq, deliveries);
  }

  /** Whether a message is in the lane and not removed. */
  isQueued(seq: number): boolean {
    return seq >= this.#floor && seq < this.#next && this.#marks.get(seq) !== REMOVED;
  }

  /**
   * The row of a removed message when nothing in it is queued any more although the floor is below:
   * one message that stays must not keep the bodies of all that come after it.
   */
  emptiedRow(seq: number): number | undefined {
    if (seq < this.#floor) return undefined;
    const row = this.rowOf(seq);
    const first = Math.max(row.first, this.#floor);
    return this.#marks.covers(first, row.last, REMOVED) ? row.id : undefined;
  }

  /** The row of a message that is in one. */
  rowOf(seq: number): FoundRow {
    const row = this.rows.find(seq);
    assert(row !== undefined, `a row has message ${seq}`);
    return row;
  }

  /** How often the delivery of a message came back. */
  deliveries(seq: number): number {
    return this.#marks.get(seq) ?? 0;
  }
}
