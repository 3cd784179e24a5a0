/**
 * A spool in an SQLite file: the sealed bytes of each message, so that what is sent again is the same
 * message and the broker takes it once.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type DatabaseKind, inTransaction, openDatabase } from "./database_file.ts";
import type { OutgoingMessage } from "./sender_window.ts";
import type { Spool, SpooledMessage } from "./spool.ts";

const KIND: DatabaseKind = {
  name: "spool",
  schema: `CREATE TABLE message(
    place INTEGER PRIMARY KEY, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
    receiver TEXT NOT NULL, id TEXT NOT NULL, ttl_ms INTEGER, body BLOB NOT NULL) STRICT`,
  version: 1,
  inUseHint: "another sender has it open; stop it, or choose another folder",
  versionHint: "use the newer program that made it, or another folder",
};

/**
 * A spool that survives a crash. One process at a time may have it open, and always one of the same
 * identity: the broker knows a message that comes again by its publisher.
 */
export class DurableSpool implements Spool {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #after: StatementSync;
  #nextPlace: number;
  #size: number;

  /** Opens the file, or makes it, readable by its owner only. Throws `storage` or `conflict`. */
  constructor(path: string) {
    this.#db = openDatabase(path, KIND);
    this.#insert = this.#db.prepare("INSERT INTO message VALUES(?, ?, ?, ?, ?, ?, ?)");
    this.#delete = this.#db.prepare("DELETE FROM message WHERE place = ?");
    this.#after = this.#db.prepare("SELECT * FROM message WHERE place > ? ORDER BY place LIMIT ?");
    const row = this.#db.prepare("SELECT count(*) AS size, max(place) AS last FROM message").get()!;
    this.#size = row.size as number;
    this.#nextPlace = (row.last as number | null ?? -1) + 1;
  }

  /** How many messages it keeps. */
  get size(): number {
    return this.#size;
  }

  /** Keeps messages; on disk when it returns. Throws `storage`. */
  add(messages: readonly OutgoingMessage[]): number {
    const first = this.#nextPlace;
    inTransaction(this.#db, KIND.name, () => {
      for (const [at, message] of messages.entries()) {
        const { exchange, routingKey, receiver, id, ttlMs = null, body } = message;
        this.#insert.run(first + at, exchange, routingKey, receiver, id, ttlMs, body);
      }
    });
    this.#nextPlace += messages.length;
    this.#size += messages.length;
    return first;
  }

  /** Messages in order. */
  after(place: number, limit: number): SpooledMessage[] {
    return this.#after.all(place, limit).map((row) => ({
      place: row.place as number,
      exchange: row.exchange as string,
      routingKey: row.routing_key as string,
      receiver: row.receiver as string,
      id: row.id as string,
      body: row.body as Uint8Array,
      ...(row.ttl_ms !== null && { ttlMs: row.ttl_ms as number }),
    }));
  }

  /** Drops messages. Throws `storage`. */
  remove(places: readonly number[]): void {
    if (places.length === 0) return;
    // Not synced: who removes is in no hurry. What a power cut brings back is sent again, and the
    // broker knows it. The next `add` syncs this too.
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      inTransaction(this.#db, KIND.name, () => {
        for (const place of places) this.#delete.run(place);
      });
    } finally {
      this.#db.exec("PRAGMA synchronous = FULL");
    }
    this.#size -= places.length;
  }

  /** Closes the file. */
  close(): void {
    this.#db.close();
  }
}
