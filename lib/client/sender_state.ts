/**
 * What a sender knows and does, without sockets and timers: messages that wait for their receiver's
 * key, sealing, and the window. Time is an argument.
 *
 * @module
 */
import { envelopeText } from "../base/envelope.ts";
import { CipherMqError } from "../base/errors.ts";
import { nameProblem } from "../base/names.ts";
import type { Runtime } from "../base/runtime.ts";
import { EnvelopeSealer } from "../crypto/envelope.ts";
import type { Command } from "../wire/command.ts";
import { BodyMemory } from "./body_memory.ts";
import type { ReplyHandler } from "./conversation.ts";
import { KeyCache, type KeyCacheOptions, type KeyEvent } from "./key_cache.ts";
import { ENVELOPE_BYTES, MAX_SEALED_BYTES, textBytesWithin } from "./message_size.ts";
import type { Spool } from "./spool.ts";
import { type FeedTarget, type NewMessage, SpoolFeed } from "./spool_feed.ts";
import {
  type OutgoingMessage,
  SenderWindow,
  type WindowEvent,
  type WindowOptions,
} from "./sender_window.ts";

/** Called once with how a message ended: with nothing when the broker has it. */
export type Settled = (error?: CipherMqError) => void;

/** One message to one receiver, not sealed yet. */
export interface Letter {
  /** Whom it is for. */
  readonly receiver: string;
  /** What it says. */
  readonly text: string;
  /** Its id; absent, a random one. */
  readonly id?: string;
  /** How long it may wait in its queues, in milliseconds; absent, as they say. */
  readonly ttlMs?: number;
  /** Told how it ended. */
  readonly settled: Settled;
  /** Told that it is in the spool. */
  readonly taken?: () => void;
}

/** What a sender waits for. */
export type SenderNotice =
  /** The receiver has registered no key yet. */
  | { readonly kind: "waiting_for_key"; readonly receiver: string }
  /** No queue takes what is published there yet. */
  | { readonly kind: "waiting_for_queue"; readonly exchange: string; readonly routingKey: string }
  /** What is published there has no room in a queue, or on the broker's disk; `why` is the broker's. */
  | {
    readonly kind: "waiting_for_room";
    readonly exchange: string;
    readonly routingKey: string;
    readonly why: string;
  };

/** Where and how to publish. */
export interface SenderStateOptions {
  /** The exchange. Default `ciphermq`. */
  readonly exchange?: string;
  /** The routing key for all receivers. Default: each receiver's name. */
  readonly routingKey?: string;
  /** How long to wait for a receiver's key, and then for its queue, in milliseconds. Default 30,000. */
  readonly waitMs?: number;
  /** How long to wait for room in a queue or on the broker's disk, in milliseconds. Default: for ever. */
  readonly fullWaitMs?: number;
  /** How much is under way at once. */
  readonly window?: Omit<WindowOptions, "waitMs" | "fullWaitMs">;
  /**
   * Keeps what was handed over, sealed, until the broker has it, so that it survives this sender and
   * the next one sends it, before anything else. What the broker refuses for good is reported and
   * dropped. One spool belongs to one identity. The sender closes it. Default: nothing is kept.
   */
  readonly spool?: Spool;
  /** Told how each message ended that an earlier sender left in the spool. */
  readonly recovered?: (receiver: string, error?: CipherMqError) => void;
  /** How keys are kept. */
  readonly keys?: Omit<KeyCacheOptions, "waitMs">;
}

/** A command to send now, and who gets its replies. */
export interface Outbound {
  /** The command. */
  readonly command: Command;
  /** Who gets its replies. */
  readonly handler: ReplyHandler;
}

/** The exchange when nothing else is said. */
export const DEFAULT_EXCHANGE = "ciphermq";

interface SealedLetter extends OutgoingMessage {
  readonly settled: Settled;
  /** Where the spool has it. */
  readonly place?: number;
}

/** One that is not in the spool yet. */
type FreshLetter = SealedLetter & NewMessage;

/** What is known of one receiver. */
interface Lane {
  sealer: EnvelopeSealer | undefined;
  waiting: Letter[];
}

/** A sender without its connection. */
export class SenderState {
  readonly #runtime: Pick<Runtime, "clock" | "random">;
  readonly #exchange: string;
  readonly #routingKey: string | undefined;
  readonly #window: SenderWindow<SealedLetter>;
  readonly #feed: SpoolFeed<FreshLetter> | undefined;
  readonly #target: FeedTarget<FreshLetter>;
  readonly #keys: KeyCache;
  readonly #bodies = new BodyMemory();
  readonly #lanes = new Map<string, Lane>();
  readonly #notice: (notice: SenderNotice) => void;
  #waiting = 0;
  #waitingBytes = 0;

  /** Makes a sender that has nothing to send. Throws `invalid_name`. */
  constructor(
    options: SenderStateOptions,
    runtime: Pick<Runtime, "clock" | "random">,
    notice: (notice: SenderNotice) => void,
  ) {
    const wait = options.waitMs === undefined ? {} : { waitMs: options.waitMs };
    const { fullWaitMs } = options;
    const fullWait = fullWaitMs === undefined ? {} : { fullWaitMs };
    requireName(options.exchange, "exchange");
    requireName(options.routingKey, "routing key");
    this.#runtime = runtime;
    this.#notice = notice;
    this.#exchange = options.exchange ?? DEFAULT_EXCHANGE;
    this.#routingKey = options.routingKey;
    const { random } = runtime;
    this.#window = new SenderWindow(random, { ...options.window, ...wait, ...fullWait });
    this.#feed = options.spool && new SpoolFeed(options.spool);
    this.#target = this.#targetFor(options.recovered ?? (() => {}));
    this.#keys = new KeyCache(random, { ...options.keys, ...wait });
  }

  /** How many messages have not ended. */
  get pending(): number {
    return this.#waiting + (this.#feed?.waiting ?? 0) + this.#window.pending;
  }

  /** How many messages were written again after a lost connection. */
  get resent(): number {
    return this.#window.resent;
  }

  /** Whether another message with this text may be taken over now. */
  hasRoom(text: string): boolean {
    const { waiting = 0, waitingBytes = 0, draining = false } = this.#feed ?? {};
    const bytes = this.#waitingBytes + waitingBytes + estimatedBytes(text);
    return !draining && this.#window.hasRoom(this.#waiting + waiting + 1, bytes);
  }

  /**
   * Takes a message over. Throws `invalid_name`, `invalid_message` or `usage` for one that cannot be
   * sent.
   */
  post(letter: Letter): void {
    const { receiver, text, ttlMs = 1 } = letter;
    if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) {
      throw new CipherMqError("usage", `cannot send a message that lives for ${ttlMs} ms`);
    }
    const lane = this.#lane(receiver);
    if (lane.sealer !== undefined) return this.#seal(letter, lane.sealer);
    requireName(letter.id, "message id");
    lane.waiting.push(letter);
    this.#waiting++;
    this.#waitingBytes += estimatedBytes(text);
    this.#keys.want(receiver, this.#nowMs());
  }

  /** Makes what is new safe, where there is a spool, and ready to be sent. Throws `storage`. */
  feed(): void {
    this.#feed?.feed(this.#target);
  }

  /** The next command to send, if it is time for one. `hurry`: do not wait for batches to fill. */
  next(hurry: boolean): Outbound | undefined {
    const nowMs = this.#nowMs();
    const command = this.#window.take(nowMs, hurry);
    return command && { command, handler: this.#window };
  }

  /** The questions for keys to send now. */
  questions(): Outbound[] {
    return this.#keys.due(this.#nowMs()).map((receiver) => ({
      command: { kind: "get_key", client: receiver },
      handler: { reply: (reply, nowMs) => this.#learn(this.#keys.answer(receiver, reply, nowMs)) },
    }));
  }

  /** When there is something to send without anything else happening, in milliseconds from now. */
  wakeInMs(): number | undefined {
    const nowMs = this.#nowMs();
    const window = this.#window.wakeInMs(nowMs);
    const keys = this.#keys.wakeInMs(nowMs);
    return window === undefined || keys === undefined ? window ?? keys : Math.min(window, keys);
  }

  /** Tells everybody whose message has ended since the last call. Throws `storage` after that. */
  settle(): void {
    for (const event of this.#window.events()) {
      if (event.kind === "waiting") this.#notice(noticeOf(event));
      else {
        const { settled, place } = event.message;
        settled(event.kind === "failed" ? event.error : undefined);
        const over = event.kind === "accepted" || event.refused;
        if (over && place !== undefined) this.#feed?.done(place);
      }
    }
    this.#feed?.sweep();
  }

  /** The connection is gone. */
  lost(): void {
    this.#window.lost();
    this.#keys.lost();
  }

  /** Ends all messages with an error; those in the spool stay there. Throws `storage` after that. */
  failAll(error: CipherMqError): void {
    this.#window.failAll(error);
    for (const letter of this.#feed?.end() ?? []) letter.failed(error);
    for (const lane of this.#lanes.values()) this.#failWaiting(lane, error);
    this.settle();
  }

  /** Ends the messages that wait for their receiver's key. */
  dropUnsealed(): void {
    for (const [receiver, lane] of this.#lanes) {
      const why = `interrupted before '${receiver}' had registered a public key`;
      this.#failWaiting(lane, new CipherMqError("not_found", why));
    }
  }

  #targetFor(
    recovered: (receiver: string, error?: CipherMqError) => void,
  ): FeedTarget<FreshLetter> {
    return {
      hasRoom: (bytes) => this.#window.hasRoom(1, bytes),
      add: (letter, place) => this.#window.add({ ...letter, place }, this.#nowMs()),
      addLeft: (message) => {
        const settled: Settled = (error) => recovered(message.receiver, error);
        this.#window.add({ ...message, settled }, this.#nowMs());
      },
    };
  }

  #lane(receiver: string): Lane {
    let lane = this.#lanes.get(receiver);
    if (lane === undefined) {
      requireName(receiver, "receiver's name");
      lane = { sealer: undefined, waiting: [] };
      this.#lanes.set(receiver, lane);
    }
    return lane;
  }

  #seal({ receiver, text, id, ttlMs, settled, taken }: Letter, sealer: EnvelopeSealer): void {
    const envelope = sealer.seal(text, id);
    const body = this.#bodies.body(envelopeText(envelope));
    if (body.length > MAX_SEALED_BYTES) throw tooLarge(body.length);
    const routingKey = this.#routingKey ?? receiver;
    const exchange = this.#exchange;
    const letter = {
      id: envelope.message_id,
      receiver,
      body,
      exchange,
      routingKey,
      settled,
      ...(ttlMs !== undefined && { ttlMs }),
    };
    if (this.#feed === undefined) this.#window.add(letter, this.#nowMs());
    else this.#feed.push({ ...letter, failed: settled, taken: taken ?? (() => {}) });
  }

  /** Always the last reply to its question. */
  #learn(event: KeyEvent | undefined): true {
    if (event === undefined) return true;
    const lane = this.#lane(event.receiver);
    if (event.kind === "waiting") {
      this.#notice({ kind: "waiting_for_key", receiver: event.receiver });
    } else if (event.kind === "failed") this.#failWaiting(lane, event.error);
    else this.#unlock(lane, event.receiver, event.key);
    return true;
  }

  #unlock(lane: Lane, receiver: string, publicKey: Uint8Array): void {
    const sealer = new EnvelopeSealer({ receiver, publicKey, ...this.#runtime });
    lane.sealer = sealer;
    for (const letter of this.#takeWaiting(lane)) {
      try {
        this.#seal(letter, sealer);
      } catch (error) {
        if (!(error instanceof CipherMqError)) throw error;
        letter.settled(error);
      }
    }
  }

  #failWaiting(lane: Lane, error: CipherMqError): void {
    for (const letter of this.#takeWaiting(lane)) letter.settled(error);
  }

  #takeWaiting(lane: Lane): Letter[] {
    const { waiting } = lane;
    lane.waiting = [];
    this.#waiting -= waiting.length;
    for (const { text } of waiting) this.#waitingBytes -= estimatedBytes(text);
    return waiting;
  }

  #nowMs(): number {
    return this.#runtime.clock.now().monoMs;
  }
}

function noticeOf(event: Extract<WindowEvent<OutgoingMessage>, { kind: "waiting" }>): SenderNotice {
  const { exchange, routingKey, obstacle, why } = event;
  if (obstacle === "no_queue") return { kind: "waiting_for_queue", exchange, routingKey };
  return { kind: "waiting_for_room", exchange, routingKey, why };
}

function tooLarge(sealedBytes: number): CipherMqError {
  return new CipherMqError("limit", `cannot send a message of ${sealedBytes} sealed bytes`, {
    hint: `at most ${textBytesWithin(MAX_SEALED_BYTES)} bytes of text can be sent`,
  });
}

function estimatedBytes(text: string): number {
  return ENVELOPE_BYTES + text.length * 2;
}

function requireName(name: string | undefined, what: string): void {
  const problem = name === undefined ? undefined : nameProblem(name);
  if (problem === undefined) return;
  throw new CipherMqError("invalid_name", `cannot send a message: the ${what} ${problem}`);
}
