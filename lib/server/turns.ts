/**
 * Whose turn it is: what connections have submitted, one piece of each in turn, so that none waits
 * behind all that another has sent.
 *
 * @module
 */
import { Fifo } from "../base/fifo.ts";
import type { ConnectionId } from "../core/input.ts";

/** A piece of work of one connection. */
export interface Submitted {
  /** Whose it is. */
  readonly connection: ConnectionId;
  /** What is to be done. */
  readonly steps: { readonly length: number };
  /** How many bytes it came as. */
  readonly bytes: number;
}

/** How much is taken at once; a piece is never cut, so the last one may go beyond it. */
export interface TakeLimits {
  /** Steps. */
  readonly maxSteps: number;
  /** Bytes that they came as. */
  readonly maxBytes: number;
}

/** What waits, in order within a connection. */
export class Turns<S extends Submitted> {
  /** The connection whose turn is next comes first. */
  readonly #rows = new Map<ConnectionId, Fifo<S>>();

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#rows.size === 0;
  }

  /** Adds a piece behind its connection's others. */
  add(piece: S): void {
    let row = this.#rows.get(piece.connection);
    if (row === undefined) this.#rows.set(piece.connection, row = new Fifo());
    row.push(piece);
  }

  /** Takes one piece of each connection in turn, until there is enough or nothing left. */
  take({ maxSteps, maxBytes }: TakeLimits): S[] {
    const taken: S[] = [];
    let steps = 0;
    let bytes = 0;
    // A connection with more goes to the end, and this loop comes to it again.
    for (const [connection, row] of this.#rows) {
      if (steps >= maxSteps || bytes >= maxBytes) break;
      const piece = row.shift()!;
      this.#rows.delete(connection);
      if (row.length > 0) this.#rows.set(connection, row);
      taken.push(piece);
      steps += piece.steps.length;
      bytes += piece.bytes;
    }
    return taken;
  }

  /** Drops everything. */
  clear(): void {
    this.#rows.clear();
  }
}
