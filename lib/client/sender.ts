/**
 * Sends encrypted messages, and sends them again until the broker has them.
 *
 * @module
 */
import { CipherMqError } from "../base/errors.ts";
import { systemRuntime } from "../base/runtime.ts";
import type { Cancel, Timers } from "../base/timers.ts";
import type { Connection } from "./connection.ts";
import { Fifo } from "../base/fifo.ts";
import { interrupted, Link, type LinkOptions, type LinkUser } from "./link.ts";
import type { Spool } from "./spool.ts";
import {
  type SenderNotice as StateNotice,
  SenderState,
  type SenderStateOptions,
  type Settled,
} from "./sender_state.ts";

/** What a sender tells about while it waits. */
export type SenderNotice =
  | StateNotice
  /** The connection was lost, or does not come about; it is tried again. */
  | { readonly kind: "disconnected"; readonly error: CipherMqError }
  /** There is a connection. */
  | { readonly kind: "connected" };

/** How a sender is made. */
export interface SenderOptions extends LinkOptions, SenderStateOptions {
  /** Told what the sender waits for; for progress displays and logs. */
  readonly onNotice?: (notice: SenderNotice) => void;
}

/** Options of one message. */
export interface SendOptions {
  /** Its id, unique for this sender; default a random UUID. For several receivers `:<receiver>` is added. */
  readonly messageId?: string;
  /**
   * How long it may wait in its queues, from when the broker has it, in milliseconds, a whole number
   * of at least 1. Then it is a dead letter or removed, as the queue says. Default: as the queue says.
   */
  readonly ttlMs?: number;
  /** Called when the message is in the sender's spool: it is sent whatever happens to this sender. */
  readonly taken?: () => void;
}

/** Somebody who waits for room. */
interface Producer {
  readonly text: string;
  /** Its turn has come. */
  readonly go: () => void;
}

/**
 * A connection of one client that sends. Messages to one receiver arrive in the order they were
 * given.
 */
export class Sender {
  readonly #state: SenderState;
  readonly #link: Link;
  readonly #timers: Timers;
  /** Those that wait for room, in order. */
  readonly #producers = new Fifo<Producer>();
  readonly #notice: (notice: SenderNotice) => void;
  readonly #spool: Spool | undefined;
  #failure: CipherMqError | undefined;
  #idle: PromiseWithResolvers<void> | undefined;
  #pumping = false;
  #stopWaiting: Cancel | undefined;

  private constructor(options: SenderOptions, first: PromiseWithResolvers<void>) {
    const runtime = options.connection.runtime ?? systemRuntime;
    this.#timers = runtime.timers;
    this.#notice = options.onNotice ?? (() => {});
    this.#spool = options.spool;
    try {
      this.#state = new SenderState(options, runtime, this.#notice);
    } catch (error) {
      this.#spool?.close();
      throw error;
    }
    const user: LinkUser = {
      up: () => {
        this.#notice({ kind: "connected" });
        first.resolve();
        this.#schedulePump();
      },
      down: (error) => {
        this.#state.lost();
        this.#notice({ kind: "disconnected", error });
      },
      failed: (error) => {
        first.reject(error);
        this.#fail(error);
      },
      // A sender consumes nothing: a broker that pushes is not understood, but harmless.
      message: () => {},
      turn: () => this.#turn(),
      drained: () => this.#pump(),
    };
    this.#link = new Link(options, user);
  }

  /**
   * Connects. Rejects with `tls` when the two do not trust each other, with `connection` or
   * `timeout` when no connection came about within `connectForMs`.
   * The example of `mod.ts` shows it at work.
   */
  static async connect(options: SenderOptions): Promise<Sender> {
    const first = Promise.withResolvers<void>();
    const sender = new Sender(options, first);
    const interrupt = () => first.reject(interrupted());
    options.signal?.addEventListener("abort", interrupt);
    sender.#link.start();
    try {
      await first.promise;
      return sender;
    } catch (error) {
      await sender.destroy();
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", interrupt);
    }
  }

  /** How many messages were given and have neither been accepted nor failed. */
  get pending(): number {
    return this.#state.pending;
  }

  /** How many messages were written again after a lost connection. */
  get resent(): number {
    return this.#state.resent;
  }

  /**
   * Sends a text to one or several receivers, each its own encrypted message. Resolves when the
   * broker has all of them; while a queue is full, or the broker's disk, it waits. Rejects with `not_found` or `unroutable` when a receiver did not come in
   * time, otherwise with the broker's reason; with `partial` when some of several were accepted. A
   * message that the sender could not finish because it was closed may or may not have been accepted.
   */
  async send(
    to: string | readonly string[],
    text: string,
    options: SendOptions = {},
  ): Promise<void> {
    const receivers = typeof to === "string" ? [to] : to;
    const several = receivers.length > 1;
    const sent = receivers.map((receiver) => {
      const id = options.messageId;
      if (!several || id === undefined) return this.#sendOne(receiver, text, options);
      return this.#sendOne(receiver, text, { ...options, messageId: `${id}:${receiver}` });
    });
    const results = await Promise.allSettled(sent);
    const errors = results.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
    if (errors.length === 0) return;
    if (errors.length === receivers.length) throw errors[0];
    const failed = receivers.filter((_, at) => results[at]!.status === "rejected").join(", ");
    const why = `could not send to ${failed}: ${errors[0].message}`;
    throw new CipherMqError("partial", why, { cause: errors });
  }

  /**
   * Takes one message over without a promise of its own: `settled` is called once with how it ended, and must not
   * throw.
   * The caller has seen {@linkcode hasRoom}. Throws for what cannot be sent at all.
   */
  post(receiver: string, text: string, settled: Settled, options: SendOptions = {}): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { messageId, ttlMs, taken } = options;
    this.#state.post({
      receiver,
      text,
      settled,
      ...(messageId !== undefined && { id: messageId }),
      ...(ttlMs !== undefined && { ttlMs }),
      ...(taken !== undefined && { taken }),
    });
    this.#schedulePump();
  }

  /** Whether the window has room for another message with this text. */
  hasRoom(text: string): boolean {
    return this.#failure !== undefined || this.#state.hasRoom(text);
  }

  /** Resolves when it is this caller's turn and {@linkcode hasRoom}: {@linkcode post} at once then. */
  room(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#producers.push({ text, go: resolve });
    this.#wakeProducers();
    return promise;
  }

  /** Resolves when every message given so far has been accepted or has failed. */
  async flush(): Promise<void> {
    if (this.#state.pending === 0 && this.#producers.length === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    this.#schedulePump();
    await this.#idle.promise;
  }

  /** Ends the messages that wait for their receiver's key, with `not_found`: they are not sealed yet. */
  dropUnsealed(): void {
    this.#state.dropUnsealed();
    this.#wakeProducers();
    this.#checkIdle();
  }

  /** Waits for every message, then closes. */
  async close(): Promise<void> {
    await this.flush();
    this.#fail(new CipherMqError("connection", "the sender is closed"));
    await this.#link.close();
  }

  /** Closes at once; messages that were not accepted fail, and may have been accepted all the same. */
  async destroy(): Promise<void> {
    this.#fail(new CipherMqError("connection", "the sender was closed before the broker answered"));
    await this.#link.destroy();
  }

  #sendOne(receiver: string, text: string, options: SendOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled: Settled = (error) => error === undefined ? resolve() : reject(error);
    const go = () => {
      try {
        this.post(receiver, text, settled, options);
      } catch (error) {
        reject(error);
      }
    };
    if (this.#producers.length === 0 && this.hasRoom(text)) go();
    else this.#producers.push({ text, go });
    return promise;
  }

  #turn(): void {
    this.#unlessBroken(() => this.#state.settle());
    this.#wakeProducers();
    this.#schedulePump();
    this.#checkIdle();
  }

  #wakeProducers(): void {
    for (let next = this.#producers.peek(); next !== undefined; next = this.#producers.peek()) {
      if (!this.hasRoom(next.text)) return;
      this.#producers.shift();
      next.go();
    }
  }

  #checkIdle(): void {
    if (this.#idle === undefined || this.#state.pending > 0 || this.#producers.length > 0) return;
    this.#idle.resolve();
    this.#idle = undefined;
  }

  #schedulePump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#failure === undefined) this.#unlessBroken(() => this.#state.feed());
    const connection = this.#link.connection;
    if (connection === undefined || this.#failure !== undefined) return;
    for (const { command, handler } of this.#state.questions()) connection.send(command, handler);
    const hurry = this.#idle !== undefined;
    this.#sendMessages(connection, hurry);
    this.#stopWaiting?.();
    const wakeMs = connection.writable ? this.#state.wakeInMs() : undefined;
    if (wakeMs === undefined) return;
    this.#stopWaiting = this.#timers.after(Math.max(wakeMs, 1), () => this.#pump());
  }

  #sendMessages(connection: Connection, hurry: boolean): void {
    while (connection.writable) {
      const next = this.#state.next(hurry);
      if (next === undefined) return;
      connection.send(next.command, next.handler);
    }
  }

  /** Without its spool a sender cannot go on. */
  #unlessBroken(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      this.#fail(error);
      void this.#link.destroy();
    }
  }

  #fail(error: CipherMqError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#stopWaiting?.();
    // What the spool keeps although the broker has it is sent again, and the broker knows it.
    this.#unlessBroken(() => this.#state.failAll(error));
    this.#spool?.close();
    this.#wakeProducers();
    this.#checkIdle();
  }
}
