/**
 * What a broker makes of all that a client sends: the lines and commands of `docs/protocol.md`,
 * written from that page and not from the code, slow and plain. The oracle of the fuzzing.
 *
 * @module
 */
import { isTooLarge, referenceBatch, referenceEnvelope } from "./reference_envelope.ts";
import { base64Bytes, isName, isReason, linesOf, wholeNumber } from "./reference_names.ts";

/** What is said to the core, with the fields that it has. */
export type ReferenceInput = Readonly<Record<string, unknown>>;

/** One step: an input, something to do with a backup, an answer that needs no core, a failure of one of these kinds, or the end. */
export type ReferenceStep =
  | { readonly input: ReferenceInput }
  | { readonly order: ReferenceInput }
  | { readonly reply: string }
  | { readonly failures: readonly string[] }
  | "close";

/** Who sends, and the bounds. */
export interface ReferenceOptions {
  readonly identity: string;
  readonly maxLineBytes: number;
  readonly maxMessageBytes: number;
  readonly maxBatchMessages: number;
}

const ERROR = "Error: …";
const KINDS = ["direct", "topic", "fanout"];
const encoder = new TextEncoder();

/** The kind of a reply that says why something failed: its text as far as the protocol fixes it. */
export function failureKind(reply: string): string {
  const fixed = [/^Error: the line is (?:not valid UTF-8|longer than \d+ bytes)$/, /^Missing /];
  if (fixed.some((pattern) => pattern.test(reply))) return reply;
  return reply.replace(/^((?:Error|Invalid)[a-z ]*: ).*$/s, "$1…");
}

/** The words before the first `count - 1` spaces and the rest, each perhaps empty or absent. */
function split(text: string | undefined, count: number): (string | undefined)[] {
  const words: (string | undefined)[] = [];
  let rest = text;
  while (words.length < count - 1 && rest !== undefined) {
    const [first, ...others] = rest.split(" ");
    words.push(first);
    rest = others.length === 0 ? undefined : others.join(" ");
  }
  return [...words, rest];
}

function fail(...failures: string[]): ReferenceStep[] {
  return [{ failures }];
}

/** A conversation that remembers how many reports were asked for: no answer comes meanwhile. */
class Conversation {
  readonly #options: ReferenceOptions;
  readonly #reports: Record<string, number> = { stats: 0, dead_letters: 0 };

  constructor(options: ReferenceOptions) {
    this.#options = options;
  }

  steps(line: string): ReferenceStep[] {
    const [verb = "", rest] = split(line, 2);
    switch (verb) {
      case "stats":
        return this.#report({ kind: "stats" });
      case "reset_stats":
        return [{ input: { kind: "reset_stats" } }];
      case "backup":
      case "backup_end":
        return [{ order: { kind: verb } }];
      case "backup_read":
        return backupRead(rest);
      case "heartbeat":
        return [{ reply: "heartbeat_ok" }];
      case "publish":
      case "publish_batch":
        return this.#publish(verb, rest);
      case "register_key":
      case "register_public_key":
        return this.#registerKey(rest);
      case "get_key":
      case "get_public_key":
        if (!rest) return fail("Missing client ID");
        if (!isName(rest)) return fail("Error retrieving key: …");
        return [{ input: { kind: "get_key", client: rest } }];
      case "bind":
      case "unbind":
        return bind(verb, rest);
      default:
        return this.#named(verb, rest);
    }
  }

  /** The commands whose first argument is one name. */
  #named(verb: string, rest: string | undefined): ReferenceStep[] {
    const what = FIRST_ARGUMENTS[verb];
    if (what === undefined) return fail("Unknown command");
    const [name = "", option] = split(rest, 2);
    const read = option === undefined ? {} : READ_OPTION[verb]?.(option);
    const fine = read !== undefined && isName(name);
    const missing = `Missing ${what}`;
    if (name === "") return rest ? fail(missing, ERROR) : fail(missing);
    if (!fine) return fail(ERROR);
    const field = what === "message ID" ? "id" : what === "queue name" ? "queue" : "exchange";
    const input = { kind: verb, [field]: name, ...DEFAULTS[verb], ...read };
    if (verb === "dead_letters") return this.#report(input);
    return [{ input }];
  }

  #report(input: ReferenceInput): ReferenceStep[] {
    const kind = String(input.kind);
    if (this.#reports[kind] === 4) return fail(ERROR);
    this.#reports[kind]!++;
    return [{ input }];
  }

  #registerKey(rest: string | undefined): ReferenceStep[] {
    const [client, text] = split(rest, 2);
    if (!client || !text) return fail("Missing client ID or public key");
    const key = base64Bytes(text);
    if (client !== this.#options.identity || key?.length !== 32) {
      return fail("Error registering key: …");
    }
    return [{ input: { kind: "register_key", client, key } }];
  }

  #publish(verb: string, rest: string | undefined): ReferenceStep[] {
    const [exchange, routingKey, json] = split(rest, 3);
    if (!exchange || !routingKey || !json) return fail("Missing parameters");
    if (!isName(exchange) || !isName(routingKey)) return fail(ERROR);
    const { maxBatchMessages, maxMessageBytes } = this.#options;
    const [text, ttlMs] = verb === "publish" ? timeToLive(json) : [json];
    const one = verb === "publish" && referenceEnvelope(text);
    const all = one ? [one] : referenceBatch(text, maxBatchMessages);
    const isOptionLike = verb === "publish" && /(?:^|\}) [a-z_]+=[^}]*$/.test(json);
    const invalid = verb === "publish" ? "Invalid message format: …" : "Invalid batch format: …";
    if ((verb === "publish" && !one) || all === undefined) {
      return fail(invalid, ...(isOptionLike ? [ERROR] : []));
    }
    if (all.some((envelope) => isTooLarge(envelope, maxMessageBytes))) return fail(invalid);
    const more = ttlMs === undefined ? {} : { ttlMs };
    return all.map(({ id, receiver, text }) => {
      const body = encoder.encode(text);
      return { input: { kind: "publish", exchange, routingKey, id, receiver, body, ...more } };
    });
  }
}

/** "After the envelope's closing brace and one space may stand `ttl_ms=N`". */
function timeToLive(json: string): [text: string, ttlMs?: number] {
  const [, text, digits] = /^(.*\}) ttl_ms=([^}]*)$/s.exec(json) ?? [];
  const ttlMs = wholeNumber(digits ?? "");
  return text === undefined || ttlMs === undefined || ttlMs < 1 ? [json] : [text, ttlMs];
}

function bind(kind: string, rest: string | undefined): ReferenceStep[] {
  const [queue, exchange, routingKey] = split(rest, 3);
  if (!queue || !exchange || !routingKey) return fail("Missing parameters");
  if (![queue, exchange, routingKey].every(isName)) return fail(ERROR);
  return [{ input: { kind, queue, exchange, routingKey } }];
}

function backupRead(rest: string | undefined): ReferenceStep[] {
  const offset = wholeNumber(rest ?? "");
  return offset === undefined ? fail(ERROR) : [{ order: { kind: "backup_read", offset } }];
}

const FIRST_ARGUMENTS: Readonly<Record<string, string>> = {
  __proto__: null as unknown as string,
  declare_exchange: "exchange name",
  delete_exchange: "exchange name",
  declare_queue: "queue name",
  delete_queue: "queue name",
  purge: "queue name",
  consume: "queue name",
  fetch: "queue name",
  dead_letters: "queue name",
  redrive: "queue name",
  ack: "message ID",
  nack: "message ID",
  touch: "message ID",
};

const DEFAULTS: Readonly<Record<string, ReferenceInput>> = {
  declare_exchange: { exchangeKind: "direct" },
  delete_exchange: { force: false },
  declare_queue: { options: {} },
  delete_queue: { force: false },
  purge: { force: false },
  nack: { dead: false },
};

function force(text: string): ReferenceInput | undefined {
  return text === "force" ? { force: true } : undefined;
}

/** What may follow the name, after its space; nothing for what may not. */
const READ_OPTION: Readonly<Record<string, (text: string) => ReferenceInput | undefined>> = {
  declare_exchange: (text) => KINDS.includes(text) ? { exchangeKind: text } : undefined,
  delete_exchange: force,
  delete_queue: force,
  purge: force,
  declare_queue: queueOptions,
  consume(text) {
    const prefetch = wholeNumber(text);
    return prefetch !== undefined && prefetch >= 1 && text.length <= 9 ? { prefetch } : undefined;
  },
  dead_letters(text) {
    const after = wholeNumber(text);
    return after === undefined ? undefined : { after };
  },
  redrive: (text) => isName(text) ? { id: text } : undefined,
  nack(text) {
    if (text === "again") return { dead: false };
    if (text === "dead") return { dead: true };
    if (!text.startsWith("dead ")) return undefined;
    const reason = text.slice("dead ".length);
    return isReason(reason) ? { dead: true, reason } : undefined;
  },
};

const OPTION_FIELDS: Readonly<Record<string, readonly [field: string, least: number]>> = {
  __proto__: null as unknown as [string, number],
  ack_timeout_ms: ["ackTimeoutMs", 1],
  max_deliveries: ["maxDeliveries", 0],
  ttl_ms: ["ttlMs", 0],
  max_messages: ["maxMessages", 1],
  max_bytes: ["maxBytes", 1],
};

/** "The options are `name=value`, one space before each, in any order, each at most once". */
function queueOptions(text: string): ReferenceInput | undefined {
  const options: Record<string, unknown> = {};
  for (const option of text.split(" ")) {
    const equals = option.indexOf("=");
    const [name, value] = [option.slice(0, equals), option.slice(equals + 1)];
    const isExpiry = name === "expired";
    const [field, least] = isExpiry ? ["expired", 0] as const : OPTION_FIELDS[name] ?? [];
    if (equals === -1 || field === undefined || field in options) return undefined;
    const number = wholeNumber(value);
    if (isExpiry ? value !== "dead" && value !== "remove" : number === undefined) return undefined;
    if (!isExpiry && number! < least!) return undefined;
    options[field] = isExpiry ? value : number;
  }
  return { options };
}

/** All steps that a stream of bytes asks for. */
export function referenceSteps(stream: Uint8Array, options: ReferenceOptions): ReferenceStep[] {
  const conversation = new Conversation(options);
  return linesOf(stream, options.maxLineBytes).flatMap((line): ReferenceStep[] => {
    if (line === "not UTF-8") return fail("Error: the line is not valid UTF-8");
    if (line !== "too long") return conversation.steps(line.text);
    return [...fail(`Error: the line is longer than ${options.maxLineBytes} bytes`), "close"];
  });
}
