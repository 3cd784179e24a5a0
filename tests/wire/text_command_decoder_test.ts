/** Tests of `lib/wire/text_command_decoder.ts`. @module */
import assert from "node:assert/strict";
import { envelopeText } from "../../lib/base/envelope.ts";
import { BodyArena } from "../../lib/wire/body_arena.ts";
import type { Command } from "../../lib/wire/command.ts";
import { TextCommandDecoder } from "../../lib/wire/text_command_decoder.ts";
import { pythonJson, sampleEnvelope } from "../support/sample_envelope.ts";
import { utf8 } from "./samples.ts";

const ENVELOPE = sampleEnvelope();
const KEY = new Uint8Array(32).fill(5);

function decode(line: string | undefined, limits = {}) {
  const decoder = new TextCommandDecoder({
    maxMessageBytes: 1000,
    maxBatchMessages: 3,
    ...limits,
  });
  return decoder.decode(line, new BodyArena(10_000));
}

const MESSAGE = {
  id: ENVELOPE.message_id,
  receiver: ENVELOPE.receiver_client_id,
  body: utf8(envelopeText(ENVELOPE)),
};

const MAX = Number.MAX_SAFE_INTEGER;
const TABBED = JSON.stringify(ENVELOPE, null, 1).replaceAll("\n", "\t");
const PUBLISH = { kind: "publish", exchange: "x", routingKey: "k", message: MESSAGE } as const;

const COMMANDS: readonly (readonly [line: string, command: Command])[] = [
  ["declare_queue q", { kind: "declare_queue", queue: "q", options: {} }],
  ["declare_queue q ttl_ms=5", { kind: "declare_queue", queue: "q", options: { ttlMs: 5 } }],
  ["declare_exchange x", { kind: "declare_exchange", exchange: "x", exchangeKind: "direct" }],
  ["declare_exchange x topic", {
    kind: "declare_exchange",
    exchange: "x",
    exchangeKind: "topic",
  }],
  ["bind q x k", { kind: "bind", queue: "q", exchange: "x", routingKey: "k" }],
  ["unbind q x k", { kind: "unbind", queue: "q", exchange: "x", routingKey: "k" }],
  ["delete_queue q", { kind: "delete_queue", queue: "q", force: false }],
  ["delete_exchange x force", { kind: "delete_exchange", exchange: "x", force: true }],
  ["purge q force", { kind: "purge", queue: "q", force: true }],
  [`publish x k ${pythonJson(ENVELOPE)}`, {
    kind: "publish",
    exchange: "x",
    routingKey: "k",
    message: MESSAGE,
  }],
  [`publish x k ${pythonJson(ENVELOPE)} ttl_ms=1`, { ...PUBLISH, ttlMs: 1 }],
  // Tabs and line feeds are what the fast way does not know; both ways take the option.
  [`publish x k ${TABBED} ttl_ms=${MAX}`, { ...PUBLISH, ttlMs: MAX }],
  [`publish x k ${pythonJson(ENVELOPE)} `, PUBLISH],
  [`publish_batch x k ${pythonJson([ENVELOPE, ENVELOPE])}`, {
    kind: "publish_batch",
    exchange: "x",
    routingKey: "k",
    messages: [MESSAGE, MESSAGE],
  }],
  ["consume q", { kind: "consume", queue: "q" }],
  ["consume q 100", { kind: "consume", queue: "q", prefetch: 100 }],
  ["fetch q", { kind: "fetch", queue: "q" }],
  ["ack i", { kind: "ack", id: "i" }],
  ["touch i", { kind: "touch", id: "i" }],
  ["nack i", { kind: "nack", id: "i", dead: false }],
  ["nack i again", { kind: "nack", id: "i", dead: false }],
  ["nack i dead", { kind: "nack", id: "i", dead: true }],
  ["nack i dead wrong key ", { kind: "nack", id: "i", dead: true, reason: "wrong key " }],
  [`nack i dead ${"é".repeat(200)}`, {
    kind: "nack",
    id: "i",
    dead: true,
    reason: "é".repeat(200),
  }],
  ["dead_letters q", { kind: "dead_letters", queue: "q" }],
  ["dead_letters q 0", { kind: "dead_letters", queue: "q", after: 0 }],
  [`dead_letters q ${MAX}`, { kind: "dead_letters", queue: "q", after: MAX }],
  ["redrive q", { kind: "redrive", queue: "q" }],
  ["redrive q i", { kind: "redrive", queue: "q", id: "i" }],
  [`register_key c ${KEY.toBase64()}`, { kind: "register_key", client: "c", key: KEY }],
  [`register_public_key c ${KEY.toBase64()}`, { kind: "register_key", client: "c", key: KEY }],
  ["get_key c", { kind: "get_key", client: "c" }],
  ["get_public_key c", { kind: "get_key", client: "c" }],
  ["stats", { kind: "stats" }],
  ["reset_stats", { kind: "reset_stats" }],
  ["heartbeat", { kind: "heartbeat" }],
  ["backup", { kind: "backup" }],
  ["backup_read 0", { kind: "backup_read", offset: 0 }],
  ["backup_read 196608", { kind: "backup_read", offset: 196_608 }],
  ["backup_end", { kind: "backup_end" }],
];

for (const [line, command] of COMMANDS) {
  Deno.test(`'${line.slice(0, 40)}' is ${command.kind}`, () => {
    assert.deepEqual(decode(line), command);
  });
}

const NEITHER = "Error: what follows the message ID is not 'again', 'dead' or 'dead' and a reason";
const TTL = `Error: ttl_ms is not a whole number from 1 to ${MAX}`;

const REFUSALS: readonly (readonly [line: string, reply: string])[] = [
  ["declare_queue", "Missing queue name"],
  ["declare_queue ", "Missing queue name"],
  ["declare_queue a b", "Error: queue name has a space or control character"],
  [`declare_queue ${"x".repeat(256)}`, "Error: queue name is longer than 255 bytes"],
  ["declare_exchange", "Missing exchange name"],
  ["declare_exchange ", "Missing exchange name"],
  ["declare_exchange x a b", "Error: exchange kind has a space or control character"],
  ["declare_exchange x ", "Error: exchange kind is empty"],
  ["bind", "Missing parameters"],
  ["bind q x", "Missing parameters"],
  ["bind q x ", "Missing parameters"],
  ["bind q  k", "Missing parameters"],
  ["bind q x k k", "Error: routing key has a space or control character"],
  ["bind q\0 x k", "Error: queue name has a space or control character"],
  ["bind q \u202ex k", "Error: exchange name has a space or control character"],
  ["publish", "Missing parameters"],
  ["publish x", "Missing parameters"],
  ["publish x k", "Missing parameters"],
  ["publish x k ", "Missing parameters"],
  ["publish x k {}", "Invalid message format: message_id is missing or not a string"],
  ["publish x k nonsense", "Invalid message format: not valid JSON"],
  ["publish x k {} what", "Invalid message format: not valid JSON"],
  ["publish x k {}  ttl_ms=1", "Invalid message format: not valid JSON"],
  ["publish x k {} ttl_ms=1}", "Invalid message format: not valid JSON"],
  ['publish x k {"a":"} ttl_ms=1', "Invalid message format: not valid JSON"],
  ["publish x k {} ttl_ms=1", "Invalid message format: message_id is missing or not a string"],
  ["publish x k {} ttl=1", "Error: unknown option after the envelope; there is ttl_ms"],
  ["publish x k {} ttl_ms=", TTL],
  ["publish x k {} ttl_ms=0", TTL],
  ["publish x k {} ttl_ms=-1", TTL],
  ["publish x k {} ttl_ms=01", TTL],
  ["publish x k {} ttl_ms=1 ", TTL],
  ["publish x k {} ttl_ms=1 ttl_ms=1", TTL],
  ["publish x k {} ttl_ms=9007199254740992", TTL],
  ["publish_batch x k [] ttl_ms=1", "Invalid batch format: not valid JSON"],
  ["publish \u0007 k {}", "Error: exchange name has a space or control character"],
  ["publish x \u0007 {}", "Error: routing key has a space or control character"],
  ["publish_batch", "Missing parameters"],
  ["publish_batch x k", "Missing parameters"],
  ["publish_batch x k []", "Invalid batch format: a batch has at least one message"],
  ["publish_batch x k {}", "Invalid batch format: a batch is a JSON array"],
  ["publish_batch x k [1,2,3,4]", "Invalid batch format: more than 3 messages"],
  ["publish_batch x k [1]", "Invalid batch format: message 0: an envelope is a JSON object"],
  ["consume", "Missing queue name"],
  ["consume q 0", "Error: prefetch is not a positive whole number"],
  ["consume q -1", "Error: prefetch is not a positive whole number"],
  ["consume q 1e3", "Error: prefetch is not a positive whole number"],
  ["consume q 1 1", "Error: prefetch is not a positive whole number"],
  ["consume q 1000000000", "Error: prefetch is not a positive whole number"],
  ["consume q ", "Error: prefetch is not a positive whole number"],
  ["consume q\0 1", "Error: queue name has a space or control character"],
  ["fetch", "Missing queue name"],
  ["fetch a b", "Error: queue name has a space or control character"],
  ["ack", "Missing message ID"],
  ["ack a b", "Error: message ID has a space or control character"],
  ["touch", "Missing message ID"],
  ["touch a b", "Error: message ID has a space or control character"],
  ["nack", "Missing message ID"],
  ["nack ", "Missing message ID"],
  ["nack  dead", "Missing message ID"],
  ["nack i\0 dead", "Error: message ID has a space or control character"],
  ["nack i ", NEITHER],
  ["nack i maybe", NEITHER],
  ["nack i deadly", NEITHER],
  ["nack i again because", NEITHER],
  ["nack i Dead", NEITHER],
  ["nack i dead ", "Error: the reason is empty"],
  [`nack i dead ${"é".repeat(201)}`, "Error: the reason is longer than 200 characters"],
  ["nack i dead a\u0007", "Error: the reason has a control character"],
  ["dead_letters", "Missing queue name"],
  ["dead_letters  0", "Missing queue name"],
  ["dead_letters q\0 0", "Error: queue name has a space or control character"],
  ["dead_letters q ", `Error: after_seq is not a whole number from 0 to ${MAX}`],
  ["dead_letters q -1", `Error: after_seq is not a whole number from 0 to ${MAX}`],
  [
    "dead_letters q 9007199254740992",
    `Error: after_seq is not a whole number from 0 to ${MAX}`,
  ],
  ["redrive", "Missing queue name"],
  ["redrive  i", "Missing queue name"],
  ["redrive q ", "Error: message ID is empty"],
  ["redrive q a b", "Error: message ID has a space or control character"],
  ["register_key", "Missing client ID or public key"],
  ["register_key c", "Missing client ID or public key"],
  ["register_key c ", "Missing client ID or public key"],
  ["register_key c AAAA", "Error registering key: the public key is not 32 bytes in base64"],
  [
    `register_key c\0 ${KEY.toBase64()}`,
    "Error registering key: client ID has a space or control character",
  ],
  ["get_key", "Missing client ID"],
  ["get_key a b", "Error retrieving key: client ID has a space or control character"],
  ["", "Unknown command"],
  [" ", "Unknown command"],
  [" stats", "Unknown command"],
  ["STATS", "Unknown command"],
  ["resend x", "Unknown command"],
  ["__proto__", "Unknown command"],
  ["constructor x", "Unknown command"],
  ["\uFEFFstats", "Unknown command"],
];

for (const [line, reply] of REFUSALS) {
  Deno.test(`${JSON.stringify(line.slice(0, 30))} is answered '${reply}'`, () => {
    assert.deepEqual(decode(line), { kind: "malformed", reply });
  });
}

Deno.test("a line that is not UTF-8 is answered", () => {
  assert.deepEqual(decode(undefined), {
    kind: "malformed",
    reply: "Error: the line is not valid UTF-8",
  });
});

Deno.test("an envelope of just the limit passes, one byte more is refused", () => {
  const size = MESSAGE.body.length;
  for (const json of [JSON.stringify(ENVELOPE), JSON.stringify(ENVELOPE, null, 1)]) {
    // Spaces do not count: what is measured is what is stored.
    const line = `publish x k ${json.replaceAll("\n", "\t")}`;
    assert.equal(decode(line, { maxMessageBytes: size }).kind, "publish");
    assert.deepEqual(decode(line, { maxMessageBytes: size - 1 }), {
      kind: "malformed",
      reply: `Invalid message format: the envelope is larger than ${size - 1} bytes`,
    });
  }
  const larger = sampleEnvelope({ ciphertext: "YWJjYWJj" });
  assert.deepEqual(
    decode(`publish_batch x k ${pythonJson([ENVELOPE, larger])}`, { maxMessageBytes: size }),
    {
      kind: "malformed",
      reply: `Invalid batch format: message 1: the envelope is larger than ${size} bytes`,
    },
  );
});

Deno.test("the size of an envelope is counted in bytes, not characters", () => {
  const envelope = sampleEnvelope({ message_id: "€".repeat(20) });
  const size = utf8(envelopeText(envelope)).length;
  const line = `publish x k ${JSON.stringify(envelope)}`;
  assert.equal(decode(line, { maxMessageBytes: size }).kind, "publish");
  assert.equal(decode(line, { maxMessageBytes: size - 1 }).kind, "malformed");
});

Deno.test("a reply never repeats what the client wrote", () => {
  const verbs = [
    ...["declare_queue", "declare_exchange", "consume", "fetch", "ack", "get_key", "x"],
    ...["delete_queue", "delete_exchange", "purge", "touch", "nack", "dead_letters", "redrive"],
  ];
  const lines = [
    ...verbs.map((verb) => `${verb} SECRET\u0007`),
    "bind SECRET\0 x k",
    "register_key SECRET\0 k",
    "register_key c SECRET",
    "publish x k SECRET",
    'publish x k {"SECRET":"SECRET"}',
    "publish SECRET\0 k {}",
    'publish_batch x k ["SECRET"]',
    "publish_batch x k [SECRET",
    "consume q SECRET",
    "declare_queue q SECRET=1",
    "declare_queue q ttl_ms=SECRET",
    "declare_queue q ttl_ms=1 SECRET",
    "declare_queue q expired=SECRET",
    "publish x k {} ttl_ms=SECRET",
    "publish x k {} secret=SECRET",
    "nack i SECRET",
    "nack i dead SECRET\u0007",
    "purge q SECRET",
    "delete_queue SECRET\0 force",
    "delete_exchange x SECRET",
    "unbind SECRET\0 x k",
    "dead_letters q SECRET",
    "redrive q SECRET\0",
  ];
  for (const line of lines) {
    const decoded = decode(line);
    assert.equal(decoded.kind, "malformed");
    assert.doesNotMatch(JSON.stringify(decoded), /SECRET/, line);
  }
});
