/**
 * The log that commits are written to, and when it is copied into the file (a checkpoint).
 *
 * SQLite's automatic checkpoint is off: it swallows the disk's errors, and would change the file while
 * a live copy of it is being made.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import type { Fuse } from "./fuse.ts";
import { CHECKPOINT_PAGES } from "./sqlite_schema.ts";

/**
 * The log of one open database. When it cannot be copied, that is the store's failure, whoever asked
 * for it: such a disk keeps nothing for sure.
 */
export class WriteAheadLog {
  readonly #state: StatementSync;
  readonly #checkpoint: StatementSync;
  readonly #truncate: StatementSync;
  readonly #fuse: Fuse;
  readonly #maxPages: number;
  #held = false;

  /** The log of `db`, whose failures blow `fuse`; from `maxPages` pages on it is too long. */
  constructor(db: DatabaseSync, fuse: Fuse, maxPages: number = CHECKPOINT_PAGES) {
    this.#state = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#truncate = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#fuse = fuse;
    this.#maxPages = maxPages;
  }

  /** Copies the log into the file if it is too long and not held. To be called after each transaction. */
  shorten(): void {
    if (this.#held) return;
    this.#fuse.runNow(() => {
      const pages = this.#state.get()?.log as number;
      if (pages >= this.#maxPages) this.#checkpoint.get();
    });
  }

  /** Copies all of the log into the file, which then stays as it is, however long the log becomes. */
  hold(): void {
    this.#fuse.runNow(() => {
      const result = this.#truncate.get();
      assert(result?.busy === 0, "nobody else uses the database");
    });
    this.#held = true;
  }

  /** Lets the log be copied again, the next time it is too long. */
  release(): void {
    this.#held = false;
  }
}
