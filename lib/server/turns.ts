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

  /** Takes the next piece, if there is one; its connection's next turn comes after all others'. */
  next(): S | undefined {
    for (const [connection, row] of this.#rows) {
      const piece = row.shift();
      this.#rows.delete(connection);
      if (row.length > 0) this.#rows.set(connection, row);
      return piece;
    }
    return undefined;
  }

  /** Takes back what was begun and not finished: it goes on at its connection's next turn. */
  giveBack(piece: S): void {
    const { connection } = piece;
    const row = this.#rows.get(connection) ?? new Fifo<S>();
    row.prepend([piece]);
    this.#rows.delete(connection);
    this.#rows.set(connection, row);
  }

  /** Drops everything. */
  clear(): void {
    this.#rows.clear();
  }
}
