/**
 * Receives encrypted messages, each once, and acknowledges what is safe.
 *
 * @module
 */
import { CipherMqError } from "../base/errors.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { nameProblem } from "../base/names.ts";
import { systemRuntime } from "../base/runtime.ts";
import type { Cancel, Timers } from "../base/timers.ts";
import { EnvelopeOpener } from "../crypto/envelope.ts";
import { publicKeyOf } from "../crypto/key_pair.ts";
import type { Command } from "../wire/command.ts";
import type { ReceivedReply } from "../wire/reply.ts";
import type { Connection } from "./connection.ts";
import type { ReplyHandler } from "./conversation.ts";
import { interrupted, Link, type LinkOptions, type LinkUser } from "./link.ts";
import { type Problem, type ReceiverCounts, ReceiverState } from "./receiver_state.ts";
import { DEFAULT_EXCHANGE } from "./sender_state.ts";
import type { MessageSink } from "./sink.ts";

/** What a receiver tells about while it runs. */
export type ReceiverNotice =
  /** The connection was lost, or does not come about; it is tried again. */
  | { readonly kind: "disconnected"; readonly error: CipherMqError }
  /** It is subscribed. */
  | { readonly kind: "subscribed" }
  /** A message could not be opened. It is refused, and becomes a dead letter of its queue. */
  | ({ readonly kind: "unopened" } & Problem);

/** How a receiver is made. */
export interface ReceiverOptions extends LinkOptions {
  /** Its client id: the Common Name of its certificate. */
  readonly identity: string;
  /** Its X25519 private key, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** Where messages go, and what remembers them. The receiver closes it. */
  readonly sink: MessageSink;
  /** The queue. Default: its identity. */
  readonly queue?: string;
  /** The exchange that the queue is bound to. Default `ciphermq`. */
  readonly exchange?: string;
  /** The routing key it is bound with. Default: its identity. */
  readonly routingKey?: string;
  /** Deliveries the broker may have under way to it. Default 2,048, or `maxMessages` if that is less. */
  readonly prefetch?: number;
  /**
   * How long a delivery may stay unacknowledged before the broker delivers it again, in milliseconds;
   * the queue is told so. While the sink works, the receiver asks for more time every third of it.
   * Default: what the queue was told before, which should not be much less than 30,000.
   */
  readonly ackTimeoutMs?: number;
  /** Messages handed to the sink at once. Default 1,024. */
  readonly maxBatch?: number;
  /** Stop after so many new messages. Default: never. */
  readonly maxMessages?: number;
  /** Told what happens besides messages. */
  readonly onNotice?: (notice: ReceiverNotice) => void;
}

/** Two batches: while one is synced the next can come. */
const PREFETCH = 2_048;
/** Deliveries held beyond which the broker is made to wait, in characters and in number. */
const MAX_WAITING_CHARS = 32 * 1024 * 1024;
const MAX_WAITING = 50_000;
/** How long confirmations of the last acknowledgements are waited for, in milliseconds. */
const CONFIRM_TIMEOUT_MS = 5_000;
/** One in time although another came too early: see {@linkcode ReceiverState.touches}. */
const TOUCHES_PER_TIMEOUT = 3;
/** A refused one means that the delivery was taken back: it comes again. */
const TOUCHED: ReplyHandler = { reply: () => true };

/** A connection of one client that receives. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #publicKey: Uint8Array;
  readonly #state: ReceiverState;
  readonly #link: Link;
  readonly #timers: Timers;
  readonly #notice: (notice: ReceiverNotice) => void;
  readonly #done = Promise.withResolvers<void>();
  #working: Promise<void> | undefined;
  #stopping = false;
  #finished: Promise<void> | undefined;
  #stopTouching: Cancel | undefined;
  /** Set while the last acknowledgements are waited for. */
  #confirmed: (() => void) | undefined;

  private constructor(options: ReceiverOptions, first: PromiseWithResolvers<void>) {
    this.#options = options;
    this.#publicKey = publicKeyOf(options.privateKey);
    this.#timers = (options.connection.runtime ?? systemRuntime).timers;
    this.#notice = options.onNotice ?? (() => {});
    this.#state = new ReceiverState({
      identity: options.identity,
      opener: new EnvelopeOpener(options.privateKey),
      has: (key) => options.sink.has(key),
      onProblem: (problem) => this.#notice({ kind: "unopened", ...problem }),
    });
    const user: LinkUser = {
      up: async (connection) => {
        await this.#subscribe(connection);
        this.#notice({ kind: "subscribed" });
        first.resolve();
      },
      down: (error) => {
        this.#state.lost();
        this.#confirmed?.();
        this.#notice({ kind: "disconnected", error });
      },
      failed: (error) => {
        first.reject(error);
        this.#finish(error);
      },
      message: (message) => this.#state.push(message),
      turn: () => this.#turn(),
      drained: () => {},
    };
    this.#link = new Link(options, user);
    // Who only waits for the start must not be surprised by an unhandled rejection.
    this.#done.promise.catch(() => {});
  }

  /**
   * Connects, registers the key, declares and binds the queue, and consumes it. Rejects with `tls`,
   * `access_denied`, `conflict` …, or, when no connection came about within `connectForMs`, with
   * `connection` or `timeout`. The sink is closed then.
   * The example of `mod.ts` shows it at work.
   */
  static async start(options: ReceiverOptions): Promise<Receiver> {
    requireNames(options);
    const first = Promise.withResolvers<void>();
    const receiver = new Receiver(options, first);
    const interrupt = () => {
      first.reject(interrupted());
      void receiver.close();
    };
    options.signal?.addEventListener("abort", interrupt);
    receiver.#start();
    try {
      await first.promise;
      return receiver;
    } catch (error) {
      await receiver.#finished;
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", interrupt);
    }
  }

  /** What happened so far. */
  get counts(): Readonly<ReceiverCounts> {
    return this.#state.counts;
  }

  /**
   * Resolves when it has stopped: after `maxMessages`, or after {@linkcode close}. Rejects with what
   * made it stop otherwise.
   */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Finishes the batch at hand, acknowledges it, and closes the connection and the sink. */
  async close(): Promise<void> {
    this.#stopping = true;
    await this.#finish();
  }

  #start(): void {
    this.#link.start();
    const { ackTimeoutMs = DEFAULT_LIMITS.ackTimeoutMs } = this.#options;
    const everyMs = ackTimeoutMs / TOUCHES_PER_TIMEOUT;
    this.#stopTouching = this.#timers.every(everyMs, () => this.#touch());
  }

  /** A sink may take as long as it wants: what it works on, and what waits for it, stays leased. */
  #touch(): void {
    const touches = this.#state.touches();
    for (const touch of touches) this.#link.connection?.send(touch, TOUCHED);
  }

  async #subscribe(connection: Connection): Promise<void> {
    const { identity, exchange = DEFAULT_EXCHANGE, maxMessages = Infinity } = this.#options;
    // What comes and is not taken goes back and counts as delivered: ask for no more than is wanted.
    const { prefetch = Math.min(PREFETCH, maxMessages) } = this.#options;
    const { queue = identity, routingKey = identity, ackTimeoutMs } = this.#options;
    const ask = (command: Command) => request(connection, command);
    // One at a time: some brokers take one read for one command.
    await ask({ kind: "register_key", client: identity, key: this.#publicKey });
    await ask({
      kind: "declare_queue",
      queue,
      options: ackTimeoutMs === undefined ? {} : { ackTimeoutMs },
    });
    await ask({ kind: "declare_exchange", exchange, exchangeKind: "direct" });
    await ask({ kind: "bind", queue, exchange, routingKey });
    await ask({ kind: "consume", queue, prefetch });
  }

  #turn(): void {
    if (this.#state.unconfirmed === 0) this.#confirmed?.();
    const { waiting, waitingChars } = this.#state;
    if (waiting > MAX_WAITING || waitingChars > MAX_WAITING_CHARS) this.#link.connection?.pause();
    if (this.#working !== undefined || this.#stopping || waiting === 0) return;
    this.#working = this.#work().catch((error) => this.#broken(error));
  }

  async #work(): Promise<void> {
    await this.#gather();
    while (!this.#stopping && this.#state.waiting > 0) {
      const batch = this.#state.open(this.#nextBatchSize());
      if (batch.fresh.length > 0) await this.#options.sink.accept(batch.fresh);
      const connection = this.#link.connection;
      for (const answer of this.#state.accepted(batch)) connection?.send(answer, this.#state);
      if (this.#left() <= 0) this.#stopping = true;
      else await this.#nextTurn();
      this.#resume();
    }
    this.#working = undefined;
    if (this.#left() <= 0) void this.#finish();
  }

  /** Lets more come while it comes: the fewer batches, the fewer syncs. */
  async #gather(): Promise<void> {
    for (let before = -1; before < this.#state.waiting;) {
      before = this.#state.waiting;
      if (before >= this.#nextBatchSize()) return;
      await this.#nextTurn();
    }
  }

  #left(): number {
    return (this.#options.maxMessages ?? Infinity) - this.counts.received;
  }

  #nextBatchSize(): number {
    return Math.min(this.#options.maxBatch ?? 1_024, this.#left());
  }

  #resume(): void {
    const { waiting, waitingChars } = this.#state;
    if (waiting > MAX_WAITING / 2 || waitingChars > MAX_WAITING_CHARS / 2) return;
    this.#link.connection?.resume();
  }

  /** The sink failed: nothing of its batch may be acknowledged. */
  #broken(error: unknown): void {
    this.#working = undefined;
    this.#stopping = true;
    this.#finish(error);
  }

  #finish(error?: unknown): Promise<void> {
    this.#finished ??= this.#end(error);
    return this.#finished;
  }

  async #end(error?: unknown): Promise<void> {
    this.#stopping = true;
    await this.#working;
    if (error === undefined) await this.#confirm();
    await this.#link.close();
    this.#stopTouching?.();
    try {
      this.#options.sink.close();
    } catch (cause) {
      error ??= cause;
    }
    if (error === undefined) this.#done.resolve();
    else this.#done.reject(error);
  }

  async #confirm(): Promise<void> {
    if (this.#state.unconfirmed === 0 || this.#link.connection === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#confirmed = resolve;
    const cancel = this.#timers.after(CONFIRM_TIMEOUT_MS, resolve);
    await promise;
    cancel();
    this.#confirmed = undefined;
  }

  #nextTurn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.soon(resolve);
    return promise;
  }
}

async function request(connection: Connection, command: Command): Promise<void> {
  const reply: ReceivedReply = await connection.request(command);
  if (reply.kind !== "failed") return;
  const why = reply.text.replace(/^Error(?: registering key)?: /, "");
  const code = command.kind === "register_key" ? "access_denied" : "conflict";
  throw new CipherMqError(code, `the broker refused ${command.kind}: ${why}`);
}

function requireNames(options: ReceiverOptions): void {
  const { identity, queue, exchange, routingKey } = options;
  for (const [what, name] of Object.entries({ identity, queue, exchange, routingKey })) {
    const problem = name === undefined ? undefined : nameProblem(name);
    if (problem === undefined) continue;
    throw new CipherMqError("invalid_name", `cannot receive: the ${what} ${problem}`);
  }
}
