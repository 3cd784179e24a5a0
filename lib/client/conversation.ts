/**
 * One connection's commands that wait for replies. Replies come in command order, so the first
 * reply answers the first command; what stays unanswered too long is a connection that is dead
 * without knowing. Pure: time is an argument.
 *
 * @module
 */
import type { ReceivedReply } from "../wire/reply.ts";
import { CipherMqError } from "../base/errors.ts";
import { Fifo } from "../base/fifo.ts";

/** Who gets the replies to a command. */
export interface ReplyHandler {
  /** Takes one reply; true when it was the command's last. Throws when the broker makes no sense. */
  reply(reply: ReceivedReply, nowMs: number): boolean;
  /** A message answers the command; else messages come by a subscription and answer nothing. */
  readonly takesMessage?: boolean;
}

/** When to ask whether the broker is still there, and when to believe that it is not. */
export interface KeepAliveOptions {
  /** Ask after this much silence, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number;
  /** A connection on which no reply comes for this long is dead, in milliseconds. Default 30,000. */
  readonly replyTimeoutMs?: number;
}

/** What a look at the clock says about the connection. */
export type Health = "alive" | "silent" | "dead";

/** The commands of one connection that wait for replies. */
export class Conversation {
  readonly #heartbeatMs: number;
  readonly #replyTimeoutMs: number;
  readonly #waiting = new Fifo<ReplyHandler>();
  /** The last time that something was heard, or that waiting began. */
  #sinceMs: number;

  /** Starts with nothing asked. */
  constructor(nowMs: number, options: KeepAliveOptions = {}) {
    this.#sinceMs = nowMs;
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#replyTimeoutMs = options.replyTimeoutMs ?? 30_000;
  }

  /** How many commands wait for replies. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** A command was sent. */
  sent(handler: ReplyHandler, nowMs: number): void {
    if (this.#waiting.length === 0) this.#sinceMs = nowMs;
    this.#waiting.push(handler);
  }

  /** A reply came. Throws `protocol` when nothing was asked. */
  reply(reply: ReceivedReply, nowMs: number): void {
    this.#sinceMs = nowMs;
    const handler = this.#waiting.peek();
    if (handler === undefined) {
      const said = reply.kind === "failed" ? `: ${reply.text}` : "";
      throw new CipherMqError("protocol", `the broker answered what nobody asked${said}`);
    }
    if (handler.reply(reply, nowMs)) this.#waiting.shift();
  }

  /** Whether a message that comes now answers the first command that waits. */
  get takesMessage(): boolean {
    return this.#waiting.peek()?.takesMessage === true;
  }

  /** A message was pushed. It proves life, but answers nothing. */
  pushed(nowMs: number): void {
    if (this.#waiting.length === 0) this.#sinceMs = nowMs;
  }

  /** Nothing was read for a while because nobody wanted to: silence means nothing. */
  resumed(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** Whether the connection lives, is silent (send a heartbeat), or must be cut. */
  health(nowMs: number): Health {
    const silentMs = nowMs - this.#sinceMs;
    if (this.#waiting.length > 0) return silentMs >= this.#replyTimeoutMs ? "dead" : "alive";
    return silentMs >= this.#heartbeatMs ? "silent" : "alive";
  }
}
