/**
 * All lanes, by name and by id.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import type { MessageRef } from "../core/message.ts";
import { Lane, type LaneState } from "./lane.ts";

/** The lanes of one database. */
export class LaneTable {
  readonly #byName = new Map<string, Map<string, Lane>>();
  readonly #byId = new Map<number, Lane>();
  #nextId = 1;
  #nextRow = 1;

  /** The id of the next lane. */
  get nextId(): number {
    return this.#nextId;
  }

  /** Gives the id of the next row of messages and moves on: rows have one order over all lanes. */
  takeRowId(): number {
    return this.#nextRow++;
  }

  /** Goes on after the newest row of before. */
  continueRows(lastId: number): void {
    this.#nextRow = lastId + 1;
  }

  /** Every lane, in the order of their ids. */
  [Symbol.iterator](): Iterator<Lane> {
    return this.#byId.values();
  }

  /** Adds a lane. */
  add(state: LaneState): Lane {
    const lane = new Lane(state);
    let ofQueue = this.#byName.get(lane.queue);
    if (ofQueue === undefined) this.#byName.set(lane.queue, ofQueue = new Map());
    assert(!ofQueue.has(lane.receiver), "a queue has one lane per receiver");
    ofQueue.set(lane.receiver, lane);
    this.#byId.set(lane.id, lane);
    this.#nextId = Math.max(this.#nextId, lane.id + 1);
    return lane;
  }

  /** The lane of a queue and receiver, if a message ever came for it. */
  find(queue: string, receiver: string): Lane | undefined {
    return this.#byName.get(queue)?.get(receiver);
  }

  /** The lane of a message that is in one. */
  of({ queue, receiver }: MessageRef): Lane {
    const lane = this.find(queue, receiver);
    assert(lane !== undefined, "a message that is named is in a lane");
    return lane;
  }

  /** The lanes of a queue, one for each receiver that a message ever came for. */
  ofQueue(queue: string): Iterable<Lane> {
    return this.#byName.get(queue)?.values() ?? [];
  }

  /** The lane of an id that a row has. */
  withId(id: number): Lane {
    const lane = this.#byId.get(id);
    assert(lane !== undefined, `a row is of lane ${id}, which is there`);
    return lane;
  }
}
