/**
 * Remembers the session keys that were opened last, so that a sealed box that comes with many
 * messages is opened once: 0.1 ms saved for each of the others.
 *
 * @module
 */

/** How many session keys a {@linkcode SessionKeyCache} remembers when nothing else is said. */
export const DEFAULT_REMEMBERED_SESSIONS = 256;

/** Session keys of one receiver by their sealed boxes, the longest unused forgotten first. */
export class SessionKeyCache {
  readonly #capacity: number;
  /** A `Map` keeps the order of insertion: longest unused first. */
  readonly #keys = new Map<string, Uint8Array>();

  /** Makes a cache for so many session keys. Default 256, about 60 KiB. */
  constructor(capacity: number = DEFAULT_REMEMBERED_SESSIONS) {
    this.#capacity = capacity;
  }

  /** The session key in `sealedKey`, if it is remembered. */
  get(sealedKey: string): Uint8Array | undefined {
    return this.#keys.get(sealedKey);
  }

  /** Remembers a session key, or that it was used again. */
  remember(sealedKey: string, key: Uint8Array): void {
    this.#keys.delete(sealedKey);
    this.#keys.set(sealedKey, key);
    if (this.#keys.size <= this.#capacity) return;
    const [longestUnused] = this.#keys.keys();
    this.#keys.delete(longestUnused!);
  }
}
