/**
 * The receivers' public keys as a sender knows them: which to ask the broker for, how long to wait
 * for one that is not registered yet, and when to look again. Pure: time is an argument.
 *
 * @module
 */
import { equalBytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { CipherMqError } from "../base/errors.ts";
import type { ReceivedReply } from "../wire/reply.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";

/** How keys are kept and waited for. */
export interface KeyCacheOptions {
  /** How long a key is used before the broker is asked again, in milliseconds. Default 10 minutes. */
  readonly maxAgeMs?: number;
  /** How long to wait for a key that is not registered, in milliseconds. Default 30,000. */
  readonly waitMs?: number;
  /** The waits between questions for a missing key. Default 50 ms to 1 s. */
  readonly retry?: BackoffOptions;
}

/** What became known about a receiver. */
export type KeyEvent =
  /** Its key, 32 bytes, new or changed. */
  | { readonly kind: "key"; readonly receiver: string; readonly key: Uint8Array }
  /** It has not registered a key yet; said once per wait. */
  | { readonly kind: "waiting"; readonly receiver: string }
  /** It did not come in time, or the broker refused to tell. */
  | { readonly kind: "failed"; readonly receiver: string; readonly error: CipherMqError };

interface Known {
  readonly receiver: string;
  readonly backoff: Backoff;
  key: Uint8Array | undefined;
  /** Somebody waits for the first key since then. */
  wantedSinceMs: number | undefined;
  told: boolean;
  asking: boolean;
  /** When to ask next. */
  askAtMs: number;
}

/** The receivers' keys. */
export class KeyCache {
  readonly #random: Random;
  readonly #maxAgeMs: number;
  readonly #waitMs: number;
  readonly #retry: BackoffOptions;
  readonly #known = new Map<string, Known>();

  /** Knows no key. */
  constructor(random: Random, options: KeyCacheOptions = {}) {
    this.#random = random;
    this.#maxAgeMs = options.maxAgeMs ?? 10 * 60 * 1000;
    this.#waitMs = options.waitMs ?? 30_000;
    this.#retry = options.retry ?? { firstMs: 50, maxMs: 1_000 };
  }

  /** Somebody wants to send to the receiver. An old key goes on being used while it is looked up again. */
  want(receiver: string, nowMs: number): void {
    const known = this.#of(receiver);
    if (known.key === undefined) known.wantedSinceMs ??= nowMs;
  }

  /** The receivers to ask the broker about now; they count as asked. */
  due(nowMs: number): string[] {
    const due: string[] = [];
    for (const known of this.#known.values()) {
      if (known.asking || !this.#needed(known) || nowMs < known.askAtMs) continue;
      known.asking = true;
      due.push(known.receiver);
    }
    return due;
  }

  /** When {@linkcode due} names somebody without anything else happening, in milliseconds from now. */
  wakeInMs(nowMs: number): number | undefined {
    let wakeMs = Infinity;
    for (const known of this.#known.values()) {
      if (!known.asking && this.#needed(known)) wakeMs = Math.min(wakeMs, known.askAtMs);
    }
    return wakeMs === Infinity ? undefined : Math.max(wakeMs - nowMs, 0);
  }

  /** Takes the broker's reply about a receiver. Throws `protocol` when it is none. */
  answer(receiver: string, reply: ReceivedReply, nowMs: number): KeyEvent | undefined {
    const known = this.#of(receiver);
    known.asking = false;
    switch (reply.kind) {
      case "public_key":
        return this.#found(known, reply.key, nowMs);
      case "no_key":
        return this.#missing(known, nowMs);
      case "failed":
        return this.#refused(known, reply.text, nowMs);
      default:
        throw new CipherMqError("protocol", `the broker answered get_key with '${reply.kind}'`);
    }
  }

  /** The connection is gone, and with it every question. On the next one all keys are looked up again. */
  lost(): void {
    for (const known of this.#known.values()) {
      known.asking = false;
      if (known.key !== undefined) known.askAtMs = -Infinity;
    }
  }

  #of(receiver: string): Known {
    let known = this.#known.get(receiver);
    if (known === undefined) {
      known = {
        receiver,
        backoff: new Backoff(this.#random, this.#retry),
        key: undefined,
        wantedSinceMs: undefined,
        told: false,
        asking: false,
        askAtMs: -Infinity,
      };
      this.#known.set(receiver, known);
    }
    return known;
  }

  #needed(known: Known): boolean {
    return known.key !== undefined || known.wantedSinceMs !== undefined;
  }

  #found(known: Known, key: Uint8Array, nowMs: number): KeyEvent | undefined {
    known.askAtMs = nowMs + this.#maxAgeMs;
    known.wantedSinceMs = undefined;
    known.told = false;
    known.backoff.reset();
    if (known.key !== undefined && equalBytes(known.key, key)) return undefined;
    known.key = key;
    return { kind: "key", receiver: known.receiver, key };
  }

  #missing(known: Known, nowMs: number): KeyEvent | undefined {
    const { receiver } = known;
    if (known.key !== undefined || known.wantedSinceMs === undefined) {
      known.askAtMs = nowMs + this.#maxAgeMs;
      return undefined;
    }
    const endMs = known.wantedSinceMs + this.#waitMs;
    if (nowMs >= endMs) {
      const error = new CipherMqError("not_found", `'${receiver}' has registered no public key`, {
        hint: `start the receiver '${receiver}' once, or wait longer for it`,
      });
      return this.#giveUp(known, error);
    }
    known.askAtMs = Math.min(nowMs + known.backoff.next(), endMs);
    if (known.told) return undefined;
    known.told = true;
    return { kind: "waiting", receiver };
  }

  #refused(known: Known, text: string, nowMs: number): KeyEvent | undefined {
    if (known.key !== undefined) {
      known.askAtMs = nowMs + this.#maxAgeMs;
      return undefined;
    }
    const { receiver } = known;
    const why = `the broker did not give the public key of '${receiver}': ${text}`;
    return this.#giveUp(known, new CipherMqError("access_denied", why));
  }

  #giveUp(known: Known, error: CipherMqError): KeyEvent {
    known.wantedSinceMs = undefined;
    known.told = false;
    known.askAtMs = -Infinity;
    known.backoff.reset();
    return { kind: "failed", receiver: known.receiver, error };
  }
}
