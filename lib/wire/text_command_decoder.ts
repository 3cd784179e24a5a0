/**
 * Lines of the text protocol to commands: the broker's side.
 *
 * @module
 */
import { fromBase64 } from "../base/bytes.ts";
import { CipherMqError } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import { nameProblem } from "../base/names.ts";
import type { BodyArena } from "./body_arena.ts";
import type { Command, Malformed, PublishedMessage } from "./command.ts";
import type { EnvelopeHead } from "./envelope_scan.ts";
import { readBatch, readEnvelope } from "./envelope_text.ts";
import type { Line } from "./line_framer.ts";
import { detached, NameMemory } from "./name_memory.ts";

/** What the decoder must know of the broker's limits. */
export type MessageLimits = Pick<Limits, "maxMessageBytes" | "maxBatchMessages">;

const KEY_BYTES = 32;
const PREFETCH = /^[1-9][0-9]{0,8}$/;

type Decoded = Command | Malformed;

function malformed(reply: string): Malformed {
  return { kind: "malformed", reply };
}

/** The words before the first `count - 1` spaces, and the rest; nothing if one is missing or empty. */
function words(text: string, count: number): string[] | undefined {
  const found: string[] = [];
  let start = 0;
  for (let i = 1; i < count; i++) {
    const space = text.indexOf(" ", start);
    if (space === -1) return undefined;
    found.push(text.slice(start, space));
    start = space + 1;
  }
  found.push(text.slice(start));
  return found.includes("") ? undefined : found;
}

/** A name, and what follows its space when there is one. */
function nameAndOption(rest: string): [string, string | undefined] {
  const space = rest.indexOf(" ");
  return space === -1 ? [rest, undefined] : [rest.slice(0, space), rest.slice(space + 1)];
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
    return this.#message(verb, rest, arena) ?? this.#simple(verb, rest);
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
    const what = verb === "publish" ? "message" : "batch";
    try {
      if (verb === "publish_batch") {
        return { kind: verb, exchange, routingKey, messages: this.#batch(json, arena) };
      }
      const message = this.#published(readEnvelope(json), arena);
      return { kind: verb, exchange, routingKey, message };
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      return malformed(`Invalid ${what} format: ${error.message}`);
    }
  }

  #batch(json: string, arena: BodyArena): PublishedMessage[] {
    const heads = readBatch(json, this.#limits.maxBatchMessages);
    return heads.map((head, index) => this.#published(head, arena, `message ${index}: `));
  }

  #published(head: EnvelopeHead, arena: BodyArena, where = ""): PublishedMessage {
    const body = arena.body(head.text);
    const { maxMessageBytes } = this.#limits;
    if (body.length > maxMessageBytes) {
      const why = `${where}the envelope is larger than ${maxMessageBytes} bytes`;
      throw new CipherMqError("invalid_message", why);
    }
    return { id: detached(head.id), receiver: this.#receivers.keep(head.receiver), body };
  }

  #simple(verb: string, rest: string): Decoded {
    switch (verb) {
      case "ack":
        return named(rest, "message ID", (id) => ({ kind: "ack", id }));
      case "fetch":
        return named(rest, "queue name", (queue) => ({ kind: "fetch", queue }));
      case "consume":
        return consume(rest);
      case "declare_queue":
        return named(rest, "queue name", (queue) => ({ kind: "declare_queue", queue }));
      case "declare_exchange":
        return declareExchange(rest);
      case "bind":
        return bind(rest);
      case "register_key":
      case "register_public_key":
        return registerKey(rest);
      case "get_key":
      case "get_public_key":
        return getKey(rest);
      case "stats":
      case "reset_stats":
      case "heartbeat":
        return { kind: verb };
      default:
        return malformed("Unknown command");
    }
  }
}

type NamedArgument = readonly [what: string, name: string];

/** What is wrong with the first bad name. The name itself is not repeated. */
function problemOf(...names: readonly NamedArgument[]): string | undefined {
  for (const [what, name] of names) {
    const problem = nameProblem(name);
    if (problem !== undefined) return `${what} ${problem}`;
  }
  return undefined;
}

/** A command whose one argument is a name. */
function named(rest: string, what: string, make: (name: string) => Command): Decoded {
  if (rest === "") return malformed(`Missing ${what}`);
  const problem = nameProblem(rest);
  return problem === undefined ? make(detached(rest)) : malformed(`Error: ${what} ${problem}`);
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

function declareExchange(rest: string): Decoded {
  const [name, option = "direct"] = nameAndOption(rest);
  const problem = nameProblem(option);
  if (problem !== undefined) return malformed(`Error: exchange kind ${problem}`);
  const exchangeKind = detached(option);
  return named(
    name,
    "exchange name",
    (exchange) => ({ kind: "declare_exchange", exchange, exchangeKind }),
  );
}

function bind(rest: string): Decoded {
  const found = words(rest, 3);
  if (found === undefined) return malformed("Missing parameters");
  const [queue, exchange, routingKey] = found.map(detached) as [string, string, string];
  const problem = problemOf(
    ["queue name", queue],
    ["exchange name", exchange],
    ["routing key", routingKey],
  );
  if (problem !== undefined) return malformed(`Error: ${problem}`);
  return { kind: "bind", queue, exchange, routingKey };
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
