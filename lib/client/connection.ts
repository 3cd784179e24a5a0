/**
 * One connection to the broker: commands out, replies to those who asked, messages to whoever
 * consumes. It notices when the broker is gone without a word.
 *
 * @module
 */
import { ByteWriter } from "../base/bytes.ts";
import { CipherMqError } from "../base/errors.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { type Runtime, systemRuntime } from "../base/runtime.ts";
import type { Cancel } from "../base/timers.ts";
import type { Wire } from "../base/wire.ts";
import type { Command } from "../wire/command.ts";
import type { ReceivedMessage, ReceivedReply } from "../wire/reply.ts";
import { TextClientCodec } from "../wire/text_codec.ts";
import { Conversation, type KeepAliveOptions, type ReplyHandler } from "./conversation.ts";
import { type Dial, dial, type DialOptions, refusedByBroker } from "./dial.ts";

/** How to connect, and how long silence is bearable. */
export interface ConnectionOptions extends DialOptions, KeepAliveOptions {
  /** The longest line taken from the broker, in bytes. Default 16 MiB. */
  readonly maxLineBytes?: number;
  /** How connections are made. Default: mutually authenticated TLS over TCP. */
  readonly dial?: Dial;
  /** Where time and chance come from. Default: the machine. */
  readonly runtime?: Runtime;
}

/** What a connection tells its user. */
export interface ConnectionEvents {
  /** A message was pushed. */
  message(message: ReceivedMessage): void;
  /** All that came at once has been handed over. */
  turn(): void;
  /** {@linkcode Connection.writable} is true again. */
  drained(): void;
}

/** Bytes waiting to be sent beyond which nothing more should be given. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** How long an orderly end may take, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_CHECK_MS = 1_000;

/** A connection to the broker that has answered at least once. */
export class Connection {
  readonly #wire: Wire;
  readonly #events: ConnectionEvents;
  readonly #runtime: Runtime;
  readonly #codec: TextClientCodec;
  readonly #conversation: Conversation;
  readonly #out = new ByteWriter();
  readonly #closed = Promise.withResolvers<CipherMqError | undefined>();
  /** Of requests that have no reply yet. */
  readonly #rejections = new Set<(error: CipherMqError) => void>();
  readonly #stopChecking: Cancel;
  #error: CipherMqError | undefined;
  #flushing = false;
  #choked = false;
  #paused = false;
  #ended = false;

  private constructor(wire: Wire, options: ConnectionOptions, events: ConnectionEvents) {
    const { heartbeatMs = 15_000, replyTimeoutMs = 30_000 } = options;
    this.#wire = wire;
    this.#events = events;
    this.#runtime = options.runtime ?? systemRuntime;
    this.#codec = new TextClientCodec({
      maxLineBytes: options.maxLineBytes ?? DEFAULT_LIMITS.maxLineBytes,
    });
    this.#conversation = new Conversation(this.#nowMs(), options);
    wire.onData = (chunk) => this.#received(chunk);
    wire.onDrain = () => this.#drained();
    wire.onClose = (cause) => this.#finished(cause);
    const everyMs = Math.min(heartbeatMs / 4, replyTimeoutMs / 4, MAX_CHECK_MS);
    this.#stopChecking = this.#runtime.timers.every(everyMs, () => this.#check());
  }

  /**
   * Connects, and waits for the broker's first answer: only that proves that it accepts this
   * client. Rejects with `connection`, `tls` or `timeout`.
   */
  static async open(options: ConnectionOptions, events: ConnectionEvents): Promise<Connection> {
    const wire = await (options.dial ?? dial)(options);
    const connection = new Connection(wire, options, events);
    const timeoutMs = options.connectTimeoutMs ?? 10_000;
    const cancel = connection.#runtime.timers.after(
      timeoutMs,
      () => connection.destroy(new CipherMqError("timeout", "the broker does not answer")),
    );
    try {
      // Any answer will do: not every broker knows this command.
      await connection.request({ kind: "heartbeat" });
      return connection;
    } catch (error) {
      const silent = error instanceof CipherMqError && error.code === "connection";
      throw silent ? refusedByBroker(`${options.host}:${options.port}`, error) : error;
    } finally {
      cancel();
    }
  }

  /** Resolves when the connection is closed: with the error that ended it, or nothing after {@linkcode close}. */
  get closed(): Promise<CipherMqError | undefined> {
    return this.#closed.promise;
  }

  /** Whether more may be sent now; {@linkcode ConnectionEvents.drained} says when again. */
  get writable(): boolean {
    if (this.#ended) return false;
    const unsent = this.#out.length + this.#wire.unsentBytes;
    if (unsent >= MAX_UNSENT_BYTES) this.#choked = true;
    return !this.#choked;
  }

  /**
   * Sends a command at the end of the turn, with all others of the turn. Its replies go to
   * `handler`. Throws `invalid_name` or `invalid_message` for what is no command, and sends nothing.
   */
  send(command: Command, handler: ReplyHandler): void {
    if (this.#ended) return;
    this.#codec.encode(command, this.#out);
    this.#conversation.sent(handler, this.#nowMs());
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /**
   * Sends a command that has one reply; `fetch` only while this connection consumes nothing. Rejects
   * when the connection ends before it.
   */
  request(command: Command): Promise<ReceivedReply> {
    if (this.#ended) return this.closed.then((error) => Promise.reject(error ?? closedMeanwhile()));
    const { promise, resolve, reject } = Promise.withResolvers<ReceivedReply>();
    const handler: ReplyHandler = {
      reply: (reply) => {
        this.#rejections.delete(reject);
        resolve(reply);
        return true;
      },
      takesMessage: command.kind === "fetch",
    };
    this.send(command, handler);
    // Not by `closed`: what waits for a promise is kept, with its reply, for as long as that is.
    this.#rejections.add(reject);
    return promise;
  }

  /** Stops reading, so that the broker waits and not this memory fills. */
  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    this.#wire.pause();
  }

  /** Reads again. */
  resume(): void {
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#conversation.resumed(this.#nowMs());
    this.#wire.resume();
  }

  /** Sends what is left and closes. */
  async close(): Promise<void> {
    if (!this.#ended) {
      this.resume();
      this.#flush();
      this.#ended = true;
      this.#wire.end();
    }
    const cancel = this.#runtime.timers.after(CLOSE_TIMEOUT_MS, () => this.destroy());
    await this.closed;
    cancel();
  }

  /** Closes at once; what waits for a reply has an unknown outcome. */
  destroy(error?: CipherMqError): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wire.destroy();
  }

  #nowMs(): number {
    return this.#runtime.clock.now().monoMs;
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#ended || this.#out.length === 0) return;
    this.#wire.write(this.#out.take());
  }

  #drained(): void {
    if (!this.#choked || this.#ended) return;
    this.#choked = false;
    this.#events.drained();
  }

  #received(chunk: Uint8Array): void {
    if (this.#error !== undefined) return;
    try {
      const nowMs = this.#nowMs();
      for (const reply of this.#codec.decode(chunk)) {
        if (reply.kind === "message" && !this.#conversation.takesMessage) {
          this.#conversation.pushed(nowMs);
          this.#events.message(reply);
        } else this.#conversation.reply(reply, nowMs);
      }
      this.#events.turn();
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      this.#fail(error);
    }
  }

  #check(): void {
    if (this.#paused || this.#ended) return;
    const health = this.#conversation.health(this.#nowMs());
    if (health === "silent") this.send({ kind: "heartbeat" }, IGNORE);
    else if (health === "dead") {
      this.#fail(new CipherMqError("connection", "the broker does not answer any more"));
    }
  }

  #fail(error: CipherMqError): void {
    this.destroy(error);
  }

  #finished(cause?: Error): void {
    this.#stopChecking();
    if (!this.#ended || cause !== undefined) this.#error ??= lost(cause);
    this.#ended = true;
    for (const reject of this.#rejections) reject(this.#error ?? closedMeanwhile());
    this.#rejections.clear();
    this.#closed.resolve(this.#error);
  }
}

const IGNORE: ReplyHandler = { reply: () => true };

function lost(cause?: Error): CipherMqError {
  const why = cause === undefined ? "the broker closed it" : cause.message;
  return new CipherMqError("connection", `the connection to the broker was lost: ${why}`, {
    cause,
  });
}

function closedMeanwhile(): CipherMqError {
  return new CipherMqError("connection", "the connection was closed before the broker answered");
}
