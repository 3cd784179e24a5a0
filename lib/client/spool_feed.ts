/**
 * What goes through a spool on its way to the window: first what an earlier sender left there, then
 * what is new, which is on disk before it is sent.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { CipherMqError } from "../base/errors.ts";
import type { OutgoingMessage } from "./sender_window.ts";
import type { Spool, SpooledMessage } from "./spool.ts";

/** A new message and who is told what becomes of it. */
export interface NewMessage extends OutgoingMessage {
  /** Called when it is in the spool. */
  readonly taken: () => void;
  /** Called when it could not be put there. */
  readonly failed: (error: CipherMqError) => void;
}

/** Where messages go that may be sent. */
export interface FeedTarget<M> {
  /** Whether it takes another message of so many bytes now. */
  hasRoom(bytes: number): boolean;
  /** Takes a new message. */
  add(message: M, place: number): void;
  /** Takes a message that an earlier sender left. */
  addLeft(message: SpooledMessage): void;
}

/** Messages read from the spool at once. */
const PAGE = 256;

/** One sender's spool. */
export class SpoolFeed<M extends NewMessage> {
  readonly #spool: Spool;
  #fresh: M[] = [];
  #freshBytes = 0;
  #page: SpooledMessage[] = [];
  #lastPlace = -1;
  /** Messages of an earlier sender that were not fed yet. */
  #left: number;
  #gone: number[] = [];

  /** Begins with what is in the spool. */
  constructor(spool: Spool) {
    this.#spool = spool;
    this.#left = spool.size;
  }

  /** How many messages wait to be fed. */
  get waiting(): number {
    return this.#left + this.#fresh.length;
  }

  /** Bytes of the new ones. */
  get waitingBytes(): number {
    return this.#freshBytes;
  }

  /** Whether some of an earlier sender's messages wait; new ones have to be behind them. */
  get draining(): boolean {
    return this.#left > 0;
  }

  /** Takes a new message over; the next {@linkcode SpoolFeed.feed} saves it. */
  push(message: M): void {
    this.#fresh.push(message);
    this.#freshBytes += message.body.length;
  }

  /** Feeds what may be sent, as far as there is room. Throws `storage` when the spool cannot be read. */
  feed(target: FeedTarget<M>): void {
    while (this.#left > 0) {
      if (this.#page.length === 0) this.#page = this.#spool.after(this.#lastPlace, PAGE).reverse();
      const next = this.#page.at(-1);
      assert(next !== undefined, "what an earlier sender left stays until it is fed");
      if (!target.hasRoom(next.body.length)) return;
      this.#page.pop();
      this.#lastPlace = next.place;
      this.#left--;
      target.addLeft(next);
    }
    if (this.#fresh.length > 0) this.#save(target);
  }

  /** The broker has the message at `place`, or will never take it. */
  done(place: number): void {
    this.#gone.push(place);
  }

  /** Drops from the spool what is done. Throws `storage`. */
  sweep(): void {
    if (this.#gone.length === 0) return;
    const gone = this.#gone;
    this.#gone = [];
    this.#spool.remove(gone);
  }

  /** Ends: gives the new messages that were not saved. What an earlier sender left stays. */
  end(): M[] {
    this.#left = 0;
    return this.#takeFresh();
  }

  #save(target: FeedTarget<M>): void {
    const fresh = this.#takeFresh();
    let place: number;
    try {
      place = this.#spool.add(fresh);
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      for (const message of fresh) message.failed(error);
      return;
    }
    for (const message of fresh) target.add(message, place++);
    for (const message of fresh) message.taken();
  }

  #takeFresh(): M[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#freshBytes = 0;
    return fresh;
  }
}
