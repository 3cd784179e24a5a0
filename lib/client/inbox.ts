/**
 * Which messages a receiver has already taken, so that one that comes again is not taken twice.
 *
 * A message is known by what its sender sealed, not by its id: the protocol does not tell a receiver
 * who published, so messages of two senders may have the same id, and no sender must be able to hide
 * another's message. Nor is an id part of what is sealed: a broker that delivers a message again under
 * another one must not have it taken twice.
 *
 * @module
 */
import type { Envelope } from "../base/envelope.ts";

/** Of the sealed session key: 96 bits of the public key that was drawn for it, which nobody can hit. */
const SESSION_CHARACTERS = 16;
/** The tag's 128 bits without padding. */
const TAG_CHARACTERS = 22;

/** Characters, and bytes, of a message's key. */
export const KEY_LENGTH = SESSION_CHARACTERS + TAG_CHARACTERS;

/**
 * The key of a message that can be opened: 38 ASCII characters that tell its session and, by the tag,
 * its nonce and text. Another message with the same ones can be made only by who has the session's key,
 * or has drawn 2^96 key pairs. For one that cannot be opened it tells nothing.
 */
export function messageKey({ enc_session_key, tag }: Envelope): string {
  return enc_session_key.slice(0, SESSION_CHARACTERS) + tag.slice(0, TAG_CHARACTERS);
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
