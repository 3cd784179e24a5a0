/**
 * Which messages a receiver has already taken, so that one that comes again is not taken twice.
 *
 * A message is known by a hash of its whole envelope, not by its id: the protocol does not tell a
 * receiver who published, so messages of two senders may have the same id, and no sender must be
 * able to hide another's message. A message that is sent again has the same bytes.
 *
 * @module
 */
import { hash } from "node:crypto";
import { Buffer } from "node:buffer";

/** Bytes of a message's key: half of SHA-256, so that no two messages share one by chance. */
export const KEY_BYTES = 16;

const digest = Buffer.alloc(KEY_BYTES);

/**
 * The key of a message: 16 characters, each one byte of a hash over its whole envelope, of which
 * `envelopeText` is the canonical text.
 */
export function messageKey(envelopeText: string): string {
  // Hex and back costs less than the platform's way to make a buffer of a hash.
  digest.setFromHex(hash("sha256", envelopeText).slice(0, KEY_BYTES * 2));
  return digest.toString("latin1");
}

/** A memory of messages taken. */
export interface Inbox {
  /** Whether the message was taken. */
  has(key: string): boolean;
  /** Remembers messages; when it returns, as durably as the inbox promises. `wallMs` is now. */
  add(keys: readonly string[], wallMs: number): void;
  /** Releases what it holds. */
  close(): void;
}

/** How many messages an inbox remembers when nothing else is said. */
export const DEFAULT_MAX_KEYS = 1_000_000;

/**
 * An inbox that lives as long as its process: the newest `maxKeys` messages at least, and at most
 * half as many more.
 */
export class MemoryInbox implements Inbox {
  readonly #generation: number;
  #young = new Set<string>();
  #old = new Set<string>();
  #oldest = new Set<string>();

  /** Makes an empty inbox. */
  constructor(maxKeys: number = DEFAULT_MAX_KEYS) {
    this.#generation = Math.ceil(maxKeys / 2);
  }

  /** Whether the message is remembered. */
  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key) || this.#oldest.has(key);
  }

  /** Remembers messages. */
  add(keys: readonly string[]): void {
    for (const key of keys) {
      this.#young.add(key);
      if (this.#young.size < this.#generation) continue;
      this.#oldest = this.#old;
      this.#old = this.#young;
      this.#young = new Set();
    }
  }

  /** Forgets messages that turned out not to be taken. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      for (const generation of [this.#young, this.#old, this.#oldest]) generation.delete(key);
    }
  }

  /** Nothing to release. */
  close(): void {}
}
