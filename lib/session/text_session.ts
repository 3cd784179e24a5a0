/**
 * The conversation in the original's text protocol.
 *
 * @module
 */
import { ByteWriter } from "../base/bytes.ts";
import type { Limits } from "../base/limits.ts";
import type { Answer, DeadLetterReport } from "../core/effect.ts";
import { isExchangeKind } from "../core/exchange.ts";
import type { ConnectionId, Input } from "../core/input.ts";
import type { MessageHead } from "../core/message.ts";
import { mayRegisterKey } from "../guard/access.ts";
import type { BrokerCodec } from "../wire/codec.ts";
import type { Command, Malformed } from "../wire/command.ts";
import { messageFailure, type Reply } from "../wire/reply.ts";
import { TextBrokerCodec } from "../wire/text_codec.ts";
import type { Session, Step } from "./session.ts";

/** Who a session speaks with, and its bounds. */
export interface TextSessionOptions {
  /** The number the core knows the connection by. */
  readonly connection: ConnectionId;
  /** The name that the client's verified certificate gives. */
  readonly identity: string;
  /** The bounds of lines, messages and batches. */
  readonly limits: Limits;
}

/**
 * Answers to `stats`, and to `dead_letters`, that may be under way to one connection. A few bytes of a
 * command ask for an answer as long as the names of all queues, so thousands at once would fill the
 * memory.
 */
const MAX_REPORTS_WAITING = 4;

/** One client's conversation in text lines. */
export class TextSession implements Session {
  readonly #connection: ConnectionId;
  readonly #identity: string;
  readonly #codec: BrokerCodec;
  readonly #out = new ByteWriter();
  readonly #reportsWaiting = { stats: 0, dead_letters: 0 };

  /** Makes a session at its beginning. */
  constructor({ connection, identity, limits }: TextSessionOptions) {
    this.#connection = connection;
    this.#identity = identity;
    this.#codec = new TextBrokerCodec(limits);
  }

  /** Bytes of a line that has begun and not ended. */
  get unfinishedBytes(): number {
    return this.#codec.partialBytes;
  }

  /** Takes bytes as they came, cut anywhere. */
  receive(chunk: Uint8Array): readonly Step[] {
    const steps: Step[] = [];
    for (const command of this.#codec.decode(chunk)) this.#interpret(command, steps);
    return steps;
  }

  /** Says what the core answered. */
  answer(answer: Answer): void {
    if (answer.kind === "stats" || answer.kind === "dead_letters") {
      this.#reportsWaiting[answer.kind]--;
    }
    this.reply(toReply(answer));
  }

  /** Says what needed no core. */
  reply(reply: Reply): void {
    this.#codec.encode(reply, this.#out);
  }

  /** Hands a message over. */
  deliver(message: MessageHead, body: Uint8Array): void {
    this.#codec.encode({ kind: "message", id: message.id, body }, this.#out);
  }

  /** Gives the lines since the last call. */
  takeBytes(): Uint8Array {
    return this.#out.take();
  }

  #interpret(command: Command | Malformed, steps: Step[]): void {
    switch (command.kind) {
      case "malformed":
        steps.push({ kind: "reply", reply: { kind: "failed", text: command.reply } });
        if (command.closes) steps.push({ kind: "close" });
        return;
      case "heartbeat":
        return void steps.push({ kind: "reply", reply: { kind: "heartbeat_ok" } });
      case "publish":
        return this.#publish(command, command.message, steps, command.ttlMs);
      case "publish_batch":
        for (const message of command.messages) this.#publish(command, message, steps);
        return;
      case "declare_exchange":
        return this.#declareExchange(command, steps);
      case "register_key":
        return this.#registerKey(command, steps);
      case "stats":
      case "dead_letters":
        return this.#report(command, steps);
      case "backup":
      case "backup_read":
      case "backup_end":
        return void steps.push({ kind: "backup", order: command });
      default:
        this.#ask({ ...command, connection: this.#connection }, steps);
    }
  }

  #publish(
    { exchange, routingKey }: CommandOf<"publish" | "publish_batch">,
    message: CommandOf<"publish">["message"],
    steps: Step[],
    ttlMs?: number,
  ): void {
    const { id, receiver, body } = message;
    const connection = this.#connection;
    const input = {
      kind: "publish",
      connection,
      exchange,
      routingKey,
      id,
      receiver,
      body,
    } as const;
    this.#ask(ttlMs === undefined ? input : { ...input, ttlMs }, steps);
  }

  #declareExchange({ exchange, exchangeKind }: CommandOf<"declare_exchange">, steps: Step[]): void {
    if (!isExchangeKind(exchangeKind)) {
      return this.#fail("Error: an exchange is of kind direct, topic or fanout", steps);
    }
    const connection = this.#connection;
    this.#ask({ kind: "declare_exchange", connection, exchange, exchangeKind }, steps);
  }

  #registerKey({ client, key }: CommandOf<"register_key">, steps: Step[]): void {
    if (!mayRegisterKey(this.#identity, client)) {
      const why = `'${this.#identity}' may register a key for itself only`;
      return this.#fail(`Error registering key: ${why}`, steps);
    }
    this.#ask({ kind: "register_key", connection: this.#connection, client, key }, steps);
  }

  #report(command: CommandOf<"stats" | "dead_letters">, steps: Step[]): void {
    const { kind } = command;
    if (this.#reportsWaiting[kind] >= MAX_REPORTS_WAITING) {
      const why = `${MAX_REPORTS_WAITING} answers to ${kind} are under way`;
      return this.#fail(`Error: ${why}; ask again when they came`, steps);
    }
    this.#reportsWaiting[kind]++;
    this.#ask({ ...command, connection: this.#connection }, steps);
  }

  #ask(input: Input, steps: Step[]): void {
    steps.push({ kind: "input", input });
  }

  #fail(text: string, steps: Step[]): void {
    steps.push({ kind: "reply", reply: { kind: "failed", text } });
  }
}

/** The command of one kind. */
type CommandOf<Kind extends Command["kind"]> = Extract<Command, { kind: Kind }>;

function toReply(answer: Answer): Reply {
  switch (answer.kind) {
    case "stats":
      return { kind: "stats", json: JSON.stringify(answer.report) };
    case "dead_letters":
      return { kind: "dead_letters", json: JSON.stringify(answer.letters.map(toJson)) };
    case "refused":
      return answer.id === undefined
        ? { kind: "failed", text: `Error: ${answer.text}` }
        : messageFailure(answer.text, answer.id);
    default:
      return answer;
  }
}

/** As the protocol names it: like all its other JSON. */
function toJson({ routingKey, atMs, ...letter }: DeadLetterReport): Record<string, unknown> {
  return { ...letter, routing_key: routingKey, at_ms: atMs };
}
