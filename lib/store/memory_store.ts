/**
 * The store's twin in memory, for tests and simulations: the same contract, and a "disk" that can be
 * opened again.
 *
 * @module
 */
import { CipherMqError, messageOf } from "../base/errors.ts";
import type { Change } from "../core/effect.ts";
import type { MessageRef } from "../core/message.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";
import { Fuse } from "./fuse.ts";
import { MemoryDisk } from "./memory_disk.ts";
import type { Store } from "./store.ts";

/** Messages that are given at once. */
const PIECE = 1_000;

/** Keeps everything in a {@linkcode MemoryDisk}; as durable as that object. */
export class MemoryStore implements Store {
  readonly #disk: MemoryDisk;
  readonly #fuse = new Fuse(explain);

  /** A store on a disk, by default a new one. */
  constructor(disk: MemoryDisk = new MemoryDisk()) {
    this.#disk = disk;
  }

  /** The state of the last commit. */
  load(): Promise<Snapshot> {
    return this.#fuse.run(() => this.#disk.snapshot());
  }

  /** Its messages. */
  async *messages(): AsyncGenerator<readonly StoredMessage[]> {
    const messages = await this.#fuse.run(() => this.#disk.messages());
    for (let at = 0; at < messages.length; at += PIECE) yield messages.slice(at, at + PIECE);
  }

  /** Takes the changes as one. */
  commit(changes: readonly Change[], wallMs: number): Promise<void> {
    return this.#fuse.run(() => this.#disk.write(changes, wallMs));
  }

  /** The bodies of queued messages. */
  read(messages: readonly MessageRef[]): Promise<Uint8Array[]> {
    return this.#fuse.run(() => messages.map((message) => this.#disk.body(message)));
  }

  /** Forgets a bounded number of removed messages. */
  forget(wallMs: number): Promise<boolean> {
    return this.#fuse.run(() => this.#disk.forget(wallMs));
  }

  /** Nothing to release; later calls reject. */
  close(): Promise<void> {
    this.#fuse.blow(new CipherMqError("storage", "the store in memory is closed"));
    return Promise.resolve();
  }
}

function explain(error: unknown): CipherMqError {
  if (error instanceof CipherMqError) return error;
  const why = messageOf(error);
  return new CipherMqError("storage", `cannot use the store in memory: ${why}`, { cause: error });
}
