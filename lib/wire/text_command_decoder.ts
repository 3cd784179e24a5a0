/**
 * Lines of the text protocol to commands: the broker's side.
 *
 * @module
 */
import { fromBase64 } from "../base/bytes.ts";
import { CipherMqError } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import type { BodyArena } from "./body_arena.ts";
import type { Command, Malformed, PublishedMessage } from "./command.ts";
import type { EnvelopeHead } from "./envelope_scan.ts";
import { readBatch, readEnvelope } from "./envelope_text.ts";
import type { Line } from "./line_framer.ts";
import { detached, NameMemory } from "./name_memory.ts";
import { reasonProblem } from "./reject_reason.ts";
import {
  type Decoded,
  malformed,
  nameAndOption,
  named,
  problemOf,
  refused,
  words,
} from "./text_arguments.ts";
import { decodeTopology } from "./text_topology_decoder.ts";
import { notWhole, toWholeNumber } from "./whole_number.ts";

/** What the decoder must know of the broker's limits. */
export type MessageLimits = Pick<Limits, "maxMessageBytes" | "maxBatchMessages">;

const KEY_BYTES = 32;
const PREFETCH = /^[1-9][0-9]{0,8}$/;
const OPTION = /^ [a-z_]+=/;
const TTL = " ttl_ms=";

function requireNumber(what: string, text: string, least: number): number {
  const value = toWholeNumber(text, least);
  if (value === undefined) throw refused(`${what} ${notWhole(least)}`);
  return value;
}

/** What follows the last brace of one envelope's JSON, when it has the look of an option. */
function optionAfter(json: string): string | undefined {
  const rest = json.slice(json.lastIndexOf("}") + 1);
  return OPTION.test(rest) ? rest : undefined;
}

function requireTtl(option: string): number {
  if (!option.startsWith(TTL)) {
    throw refused("unknown option after the envelope; there is ttl_ms");
  }
  return requireNumber("ttl_ms", option.slice(TTL.length), 1);
}

/** Decodes one command line after the other. Replies never repeat what was not checked. */
export class TextCommandDecoder {
  readonly #limits: MessageLimits;
  readonly #exchanges = new NameMemory();
  readonly #routingKeys = new NameMemory();
  readonly #receivers = new NameMemory();

  /** Makes a decoder that holds messages to `limits`. */
  constructor(limits: MessageLimits) {
    this.#limits = limits;
  }

  /** The command that `line` is, or the reply that it gets. Bodies are put into `arena`. */
  decode(line: Line, arena: BodyArena): Command | Malformed {
    if (line === undefined) return malformed("Error: the line is not valid UTF-8");
    const space = line.indexOf(" ");
    const verb = space === -1 ? line : line.slice(0, space);
    const rest = space === -1 ? "" : line.slice(space + 1);
    try {
      return this.#message(verb, rest, arena) ?? decodeSimple(verb, rest);
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      return malformed(`Error: ${error.message}`);
    }
  }

  /** The two commands that carry messages. */
  #message(verb: string, rest: string, arena: BodyArena): Decoded | undefined {
    if (verb !== "publish" && verb !== "publish_batch") return undefined;
    const found = words(rest, 3);
    if (found === undefined) return malformed("Missing parameters");
    const [exchangeName, key, json] = found as [string, string, string];
    const problem = problemOf(["exchange name", exchangeName], ["routing key", key]);
    if (problem !== undefined) return malformed(`Error: ${problem}`);
    const exchange = this.#exchanges.keep(exchangeName);
    const routingKey = this.#routingKeys.keep(key);
    try {
      if (verb === "publish") {
        return { kind: verb, exchange, routingKey, ...this.#one(json, arena) };
      }
      return { kind: verb, exchange, routingKey, messages: this.#batch(json, arena) };
    } catch (error) {
      if (!(error instanceof CipherMqError) || error.code !== "invalid_message") throw error;
      const what = verb === "publish" ? "message" : "batch";
      return malformed(`Invalid ${what} format: ${error.message}`);
    }
  }

  #one(json: string, arena: BodyArena): { message: PublishedMessage; ttlMs?: number } {
    const option = optionAfter(json);
    const envelope = option === undefined ? json : json.slice(0, json.length - option.length);
    const ttl = option === undefined ? {} : { ttlMs: requireTtl(option) };
    const head = readEnvelope(envelope);
    return { message: this.#published(head, arena.body(head.text)), ...ttl };
  }

  #batch(json: string, arena: BodyArena): PublishedMessage[] {
    const heads = readBatch(json, this.#limits.maxBatchMessages);
    const bodies = arena.bodies(heads.map((head) => head.text));
    return heads.map((head, index) => this.#published(head, bodies[index]!, index));
  }

  /** One message; `index` is its place in its batch. */
  #published(head: EnvelopeHead, body: Uint8Array, index?: number): PublishedMessage {
    const { maxMessageBytes } = this.#limits;
    if (body.length > maxMessageBytes) {
      const where = index === undefined ? "" : `message ${index}: `;
      const why = `${where}the envelope is larger than ${maxMessageBytes} bytes`;
      throw new CipherMqError("invalid_message", why);
    }
    return { id: detached(head.id), receiver: this.#receivers.keep(head.receiver), body };
  }
}

/** The command of a verb that carries no message. */
function decodeSimple(verb: string, rest: string): Decoded {
  switch (verb) {
    case "ack":
    case "touch":
      return named(rest, "message ID", (id) => ({ kind: verb, id }));
    case "nack":
      return nack(rest);
    case "fetch":
      return named(rest, "queue name", (queue) => ({ kind: "fetch", queue }));
    case "consume":
      return consume(rest);
    case "dead_letters":
      return deadLetters(rest);
    case "redrive":
      return redrive(rest);
    case "register_key":
    case "register_public_key":
      return registerKey(rest);
    case "get_key":
    case "get_public_key":
      return getKey(rest);
    case "stats":
    case "reset_stats":
    case "heartbeat":
    case "backup":
    case "backup_end":
      return { kind: verb };
    case "backup_read":
      return { kind: verb, offset: requireNumber("offset", rest, 0) };
    default:
      return decodeTopology(verb, rest) ?? malformed("Unknown command");
  }
}

function consume(rest: string): Decoded {
  const [queue, option] = nameAndOption(rest);
  if (option === undefined) {
    return named(queue, "queue name", (queue) => ({ kind: "consume", queue }));
  }
  if (!PREFETCH.test(option)) return malformed("Error: prefetch is not a positive whole number");
  const prefetch = Number(option);
  return named(queue, "queue name", (queue) => ({ kind: "consume", queue, prefetch }));
}

/** How to reject a message: `again`, `dead`, or `dead` and a reason. */
function rejection(text: string): { readonly dead: boolean; readonly reason?: string } {
  if (text === "again") return { dead: false };
  if (text === "dead") return { dead: true };
  if (!text.startsWith("dead ")) {
    throw refused("what follows the message ID is not 'again', 'dead' or 'dead' and a reason");
  }
  const reason = text.slice("dead ".length);
  const problem = reasonProblem(reason);
  if (problem !== undefined) throw refused(`the reason ${problem}`);
  return { dead: true, reason: detached(reason) };
}

function nack(rest: string): Decoded {
  const [id, text = "again"] = nameAndOption(rest);
  return named(id, "message ID", (id) => ({ kind: "nack", id, ...rejection(text) }));
}

function deadLetters(rest: string): Decoded {
  const [queue, text] = nameAndOption(rest);
  return named(queue, "queue name", (queue) => {
    if (text === undefined) return { kind: "dead_letters", queue };
    return { kind: "dead_letters", queue, after: requireNumber("after_seq", text, 0) };
  });
}

function redrive(rest: string): Decoded {
  const [queue, text] = nameAndOption(rest);
  return named(queue, "queue name", (queue) => {
    if (text === undefined) return { kind: "redrive", queue };
    const problem = problemOf(["message ID", text]);
    if (problem !== undefined) throw refused(problem);
    return { kind: "redrive", queue, id: detached(text) };
  });
}

function registerKey(rest: string): Decoded {
  const found = words(rest, 2);
  if (found === undefined) return malformed("Missing client ID or public key");
  const [client, text] = found as [string, string];
  const problem = problemOf(["client ID", client]);
  if (problem !== undefined) return malformed(`Error registering key: ${problem}`);
  const key = fromBase64(text, KEY_BYTES);
  if (key === undefined) {
    return malformed(`Error registering key: the public key is not ${KEY_BYTES} bytes in base64`);
  }
  return { kind: "register_key", client: detached(client), key };
}

function getKey(rest: string): Decoded {
  if (rest === "") return malformed("Missing client ID");
  const problem = problemOf(["client ID", rest]);
  if (problem !== undefined) return malformed(`Error retrieving key: ${problem}`);
  return { kind: "get_key", client: detached(rest) };
}
