/**
 * One client's conversation in text lines: what each line asks for, and what each answer looks like.
 * The lines are written out here, as the protocol document has them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { Answer, DeadLetterReport } from "../../lib/core/effect.ts";
import type { Input } from "../../lib/core/input.ts";
import type { MessageHead } from "../../lib/core/message.ts";
import type { StatsReport } from "../../lib/core/stats.ts";
import type { Step } from "../../lib/session/session.ts";
import { TextSession } from "../../lib/session/text_session.ts";
import { envelopeText, publish, publishBatch } from "../support/commands.ts";

const CONNECTION = 7;
const KEY = new Uint8Array(32).fill(5);
const KEY_TEXT = Buffer.from(KEY).toString("base64");

function open(limits: Partial<Limits> = {}): TextSession {
  const bounds = { ...DEFAULT_LIMITS, ...limits };
  return new TextSession({ connection: CONNECTION, identity: "alice", limits: bounds });
}

/** The steps of some text, with bodies as text. */
function stepsOf(text: string, session = open()): unknown[] {
  return session.receive(Buffer.from(text)).map(readable);
}

function readable(step: Step): unknown {
  if (step.kind !== "input" || step.input.kind !== "publish") return step;
  const { body, ...rest } = step.input;
  return { kind: "input", input: { ...rest, body: Buffer.from(body).toString() } };
}

type WithoutConnection<T> = T extends Input ? Omit<T, "connection"> : never;

/** A step for the core. */
function input(asked: WithoutConnection<Exclude<Input, { kind: "tick" }>>): unknown {
  const connection = CONNECTION;
  return readable({ kind: "input", input: { ...asked, connection } });
}

/** The one text that the broker keeps of an envelope: without Python's spaces. */
function canonical(envelope: string): string {
  return envelope.replaceAll(/([:,]) /g, "$1");
}

/** The step of a publish to the exchange and the queue of the receiver. */
function published(id: string, more: { readonly ttlMs?: number } = {}): unknown {
  const receiver = "receiver_1";
  const body = Buffer.from(canonical(envelopeText(id, { receiver })));
  const message = { id, receiver, body, ...more };
  return input({ kind: "publish", exchange: "ciphermq", routingKey: receiver, ...message });
}

function failed(text: string): unknown {
  return { kind: "reply", reply: { kind: "failed", text } };
}

/** What a session has said, as text. */
function said(session: TextSession): string {
  return Buffer.from(session.takeBytes()).toString();
}

Deno.test("each command becomes the one input that it asks for", () => {
  const cases: readonly (readonly [line: string, step: unknown])[] = [
    ["declare_queue q", input({ kind: "declare_queue", queue: "q", options: {} })],
    [
      "declare_queue q ttl_ms=5 expired=remove",
      input({ kind: "declare_queue", queue: "q", options: { ttlMs: 5, expired: "remove" } }),
    ],
    [
      "declare_exchange x",
      input({ kind: "declare_exchange", exchange: "x", exchangeKind: "direct" }),
    ],
    ...(["direct", "topic", "fanout"] as const).map((exchangeKind) =>
      [
        `declare_exchange x ${exchangeKind}`,
        input({ kind: "declare_exchange", exchange: "x", exchangeKind }),
      ] as const
    ),
    ["bind q x k", input({ kind: "bind", queue: "q", exchange: "x", routingKey: "k" })],
    ["unbind q x k", input({ kind: "unbind", queue: "q", exchange: "x", routingKey: "k" })],
    ["delete_exchange x", input({ kind: "delete_exchange", exchange: "x", force: false })],
    ["delete_exchange x force", input({ kind: "delete_exchange", exchange: "x", force: true })],
    ["delete_queue q", input({ kind: "delete_queue", queue: "q", force: false })],
    ["delete_queue q force", input({ kind: "delete_queue", queue: "q", force: true })],
    ["purge q", input({ kind: "purge", queue: "q", force: false })],
    ["purge q force", input({ kind: "purge", queue: "q", force: true })],
    [publish("m-1").trimEnd(), published("m-1")],
    [`${publish("m-1").trimEnd()} ttl_ms=1500`, published("m-1", { ttlMs: 1500 })],
    ["consume q", input({ kind: "consume", queue: "q" })],
    ["consume q 12", input({ kind: "consume", queue: "q", prefetch: 12 })],
    ["fetch q", input({ kind: "fetch", queue: "q" })],
    ["ack m-1", input({ kind: "ack", id: "m-1" })],
    ["touch m-1", input({ kind: "touch", id: "m-1" })],
    ["nack m-1", input({ kind: "nack", id: "m-1", dead: false })],
    ["nack m-1 again", input({ kind: "nack", id: "m-1", dead: false })],
    ["nack m-1 dead", input({ kind: "nack", id: "m-1", dead: true })],
    [
      "nack m-1 dead no key for it",
      input({ kind: "nack", id: "m-1", dead: true, reason: "no key for it" }),
    ],
    ["dead_letters q", input({ kind: "dead_letters", queue: "q" })],
    ["dead_letters q 41", input({ kind: "dead_letters", queue: "q", after: 41 })],
    ["redrive q", input({ kind: "redrive", queue: "q" })],
    ["redrive q m-1", input({ kind: "redrive", queue: "q", id: "m-1" })],
    [
      `register_key alice ${KEY_TEXT}`,
      input({ kind: "register_key", client: "alice", key: KEY }),
    ],
    [
      `register_public_key alice ${KEY_TEXT}`,
      input({ kind: "register_key", client: "alice", key: KEY }),
    ],
    ["get_key bob", input({ kind: "get_key", client: "bob" })],
    ["get_public_key bob", input({ kind: "get_key", client: "bob" })],
    ["stats", input({ kind: "stats" })],
    ["reset_stats", input({ kind: "reset_stats" })],
  ];
  for (const [line, step] of cases) {
    assert.deepEqual(stepsOf(`${line}\n`), [step], line);
    assert.deepEqual(stepsOf(`${line}\r\n`), [step], line);
  }
  const session = open();
  const all = cases.map(([line]) => `${line}\n`).join("");
  assert.deepEqual(stepsOf(all, session), cases.map(([, step]) => step), "all at once");
});

Deno.test("a heartbeat, another kind of exchange and a line that is no command are answered without the core", () => {
  assert.deepEqual(stepsOf("heartbeat\n"), [{ kind: "reply", reply: { kind: "heartbeat_ok" } }]);
  for (const kind of ["headers", "Direct", "__proto__"]) {
    assert.deepEqual(stepsOf(`declare_exchange x ${kind}\n`), [
      failed("Error: an exchange is of kind direct, topic or fanout"),
    ]);
  }
  const replies = {
    "declare_queue": "Missing queue name",
    "declare_exchange": "Missing exchange name",
    "consume": "Missing queue name",
    "fetch": "Missing queue name",
    "ack": "Missing message ID",
    "bind q x": "Missing parameters",
    "publish x k": "Missing parameters",
    "publish_batch x k": "Missing parameters",
    "register_key alice": "Missing client ID or public key",
    "get_key": "Missing client ID",
    "hello": "Unknown command",
    "": "Unknown command",
  };
  for (const [line, reply] of Object.entries(replies)) {
    assert.deepEqual(stepsOf(`${line}\n`), [failed(reply)], line);
  }
});

Deno.test("what is asked about a backup is a step of its own, in its place", () => {
  assert.deepEqual(stepsOf("stats\nbackup\nbackup_read 7\nbackup_end\nheartbeat\n"), [
    input({ kind: "stats" }),
    { kind: "backup", order: { kind: "backup" } },
    { kind: "backup", order: { kind: "backup_read", offset: 7 } },
    { kind: "backup", order: { kind: "backup_end" } },
    { kind: "reply", reply: { kind: "heartbeat_ok" } },
  ]);
  for (const line of ["backup_read", "backup_read -1", "backup_read 01", "backup_read 1 2"]) {
    const why = "offset is not a whole number from 0 to 9007199254740991";
    assert.deepEqual(stepsOf(`${line}\n`), [failed(`Error: ${why}`)], line);
  }
});

Deno.test("a key is registered for one's own identity only, also under the other verb", () => {
  for (const verb of ["register_key", "register_public_key"]) {
    for (const client of ["bob", "Alice", "alice2", "alic"]) {
      assert.deepEqual(stepsOf(`${verb} ${client} ${KEY_TEXT}\n`), [
        failed("Error registering key: 'alice' may register a key for itself only"),
      ]);
    }
  }
});

Deno.test("a batch becomes one publish per message, in its order", () => {
  const ids = ["c", "a", "b", "a2"];
  assert.deepEqual(
    stepsOf(`heartbeat\n${publishBatch(ids)}stats\n`),
    [
      { kind: "reply", reply: { kind: "heartbeat_ok" } },
      ...ids.map((id) => published(id)),
      input({ kind: "stats" }),
    ],
  );
  const mixed = `publish_batch x k [${envelopeText("1", { receiver: "bob" })},${
    envelopeText("2", { receiver: "carol" })
  }]\n`;
  const receivers = stepsOf(mixed).map((step) => {
    const { input } = step as { input: { receiver: string; exchange: string; routingKey: string } };
    return [input.exchange, input.routingKey, input.receiver];
  });
  assert.deepEqual(receivers, [["x", "k", "bob"], ["x", "k", "carol"]]);
});

Deno.test("a batch with one bad message asks for nothing and gets one reply", () => {
  const line = publishBatch(["1", "2", "3"]).replace('"message_id": "2"', '"message_id": ""');
  const steps = stepsOf(line);
  assert.equal(steps.length, 1);
  assert.match(JSON.stringify(steps[0]), /"Invalid batch format: message 1: message_id is empty"/);
});

Deno.test("what is malformed gets its reply in its turn, and the conversation goes on", () => {
  const session = open();
  const bytes = Buffer.concat([
    Buffer.from("fetch q\nnonsense\nack 1\npublish x k {}\nget_key\n"),
    Buffer.from([0xff, 0x0a]),
    Buffer.from("stats\n"),
  ]);
  assert.deepEqual(session.receive(bytes).map(readable), [
    input({ kind: "fetch", queue: "q" }),
    failed("Unknown command"),
    input({ kind: "ack", id: "1" }),
    failed("Invalid message format: message_id is missing or not a string"),
    failed("Missing client ID"),
    failed("Error: the line is not valid UTF-8"),
    input({ kind: "stats" }),
  ]);
  assert.deepEqual(stepsOf("fetch q\n", session), [input({ kind: "fetch", queue: "q" })]);
});

Deno.test("a line that is too long is answered after all before it, and then nothing is taken", () => {
  const limits = { maxLineBytes: 2000, maxMessageBytes: 1000 };
  const session = open(limits);
  const tooLong = "x".repeat(2001);
  assert.deepEqual(stepsOf(`fetch q\n${tooLong}\nack 1\n`, session), [
    input({ kind: "fetch", queue: "q" }),
    failed("Error: the line is longer than 2000 bytes"),
    { kind: "close" },
  ]);
  assert.deepEqual(stepsOf("ack 1\nstats\n", session), []);
  assert.equal(session.unfinishedBytes, 0, "it does not wait for the rest of the line");

  const fits = open(limits);
  assert.deepEqual(stepsOf(`${"x".repeat(2000)}\nstats\n`, fits), [
    failed("Unknown command"),
    input({ kind: "stats" }),
  ]);
  const endless = open(limits);
  assert.deepEqual(stepsOf("x".repeat(2000), endless), []);
  assert.deepEqual(stepsOf("xx", endless).at(-1), { kind: "close" });
});

Deno.test("an envelope over its limit is refused and closes nothing", () => {
  const session = open({ maxMessageBytes: 400 });
  const fits = envelopeText("1", { bytes: 30 });
  assert(Buffer.byteLength(canonical(fits)) <= 400);
  assert.equal(stepsOf(`publish x k ${fits}\n`, session).length, 1);
  assert.deepEqual(stepsOf(publish("2", { bytes: 400 }), session), [
    failed("Invalid message format: the envelope is larger than 400 bytes"),
  ]);
  assert.deepEqual(stepsOf("fetch q\n", session), [input({ kind: "fetch", queue: "q" })]);
});

Deno.test("a session has unfinished bytes from a line's first to its end", () => {
  const session = open();
  const feed = (text: string) => {
    session.receive(Buffer.from(text));
    return session.unfinishedBytes;
  };
  assert.equal(session.unfinishedBytes, 0);
  assert.equal(feed("f"), 1);
  assert.equal(feed("etch q"), 7);
  assert.equal(feed("\n"), 0);
  assert.equal(feed("stats\nst"), 2);
  assert.equal(feed("ats\nstats\n"), 0);
  assert.equal(feed("\r"), 1);
  assert.equal(feed("\n"), 0);
  assert.equal(feed(""), 0);
});

Deno.test("the steps do not depend on how the bytes were cut", () => {
  const text = `declare_queue q\r\n${publish("m-1")}nonsense\n${publishBatch(["é", "2"])}ack 1\n`;
  const bytes = Buffer.from(text);
  const whole = open().receive(bytes).map(readable);
  assert.equal(whole.length, 6);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
      const session = open();
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      const steps = pieces.flatMap((piece) =>
        session.receive(Uint8Array.from(piece)).map(readable)
      );
      assert.deepEqual(steps, whole);
    }),
    { numRuns: 100 },
  );
});

Deno.test("four answers to stats may be under way, and a fifth is refused in its turn", () => {
  const session = open();
  const stats = input({ kind: "stats" });
  const refused = failed(
    "Error: 4 answers to stats are under way; ask again when they came",
  );
  assert.deepEqual(stepsOf("stats\n".repeat(5), session), [stats, stats, stats, stats, refused]);
  session.answer({ kind: "stats", report: REPORT });
  session.answer({ kind: "stats_reset" });
  assert.deepEqual(stepsOf("stats\nstats\n", session), [stats, refused]);
});

Deno.test("four lists of dead letters may be under way, and stats beside them", () => {
  const session = open();
  const list = input({ kind: "dead_letters", queue: "q" });
  const refused = failed(
    "Error: 4 answers to dead_letters are under way; ask again when they came",
  );
  assert.deepEqual(stepsOf("dead_letters q\n".repeat(5), session), [
    list,
    list,
    list,
    list,
    refused,
  ]);
  assert.deepEqual(stepsOf("stats\n", session), [input({ kind: "stats" })]);
  session.answer({ kind: "dead_letters", letters: [] });
  session.answer({ kind: "redriven", count: 0 });
  assert.deepEqual(stepsOf("dead_letters q\n".repeat(2), session), [list, refused]);
});

const REPORT: StatsReport = {
  queues: [["q", 3]],
  consumers: [["q", 1]],
  message_status_counts: { sent: 5, delivered: 4, acknowledged: 2 },
  total_exchanges: 1,
  total_bindings: 2,
  connected_clients: 1,
  request_times_avg_seconds: 0.5,
  avg_publish_to_ack_seconds: 0.25,
  avg_delivery_to_ack_seconds: 0,
  remembered_ids: 5,
  ids_forgotten_early: 0,
  duplicates: 0,
  redelivered: 6,
  dead_lettered: 7,
  expired: 8,
  refused_full: 9,
  refused_limit: 10,
  refused_connections: 11,
};

const LETTER: DeadLetterReport = {
  ...{ seq: 4, id: "9bd0", publisher: "bob", size: 9, exchange: "x", routingKey: "k" },
  ...{ reason: "rejected", text: "no key", deliveries: 2, atMs: 5, queue: "q" },
};

Deno.test("each answer is the line of the protocol, byte for byte", () => {
  const refused = { kind: "refused", code: "not_found", text: "no queue 'q'" } as const;
  const cases: readonly (readonly [answer: Answer, line: string])[] = [
    [{ kind: "exchange_declared" }, "Exchange declared"],
    [{ kind: "queue_declared" }, "Queue declared"],
    [{ kind: "queue_bound" }, "Queue bound"],
    [{ kind: "queue_unbound" }, "Queue unbound"],
    [{ kind: "queue_deleted" }, "Queue deleted"],
    [{ kind: "exchange_deleted" }, "Exchange deleted"],
    [{ kind: "queue_purged", count: 3 }, "Queue purged: 3"],
    [{ kind: "accepted", id: "9bd0-é" }, "ACK 9bd0-é"],
    [{ kind: "subscribed" }, "Subscribed to queue"],
    [{ kind: "no_messages" }, "No messages"],
    [{ kind: "ack_confirmed", id: "9bd0" }, "ACK_CONFIRMED 9bd0"],
    [{ kind: "nack_confirmed", id: "9bd0" }, "NACK_CONFIRMED 9bd0"],
    [{ kind: "touched", id: "9bd0" }, "TOUCHED 9bd0"],
    [{ kind: "dead_letters", letters: [] }, "Dead letters: []"],
    [
      { kind: "dead_letters", letters: [LETTER] },
      'Dead letters: [{"seq":4,"id":"9bd0","publisher":"bob","size":9,"exchange":"x",' +
      '"reason":"rejected","text":"no key","deliveries":2,"queue":"q","routing_key":"k","at_ms":5}]',
    ],
    [{ kind: "redriven", count: 2 }, "Redriven: 2"],
    [{ kind: "key_registered" }, "Public key registered"],
    [{ kind: "public_key", key: KEY }, `Public key: ${KEY_TEXT}`],
    [{ kind: "no_key" }, "No public key found"],
    [
      { kind: "stats", report: REPORT },
      'Stats: {"queues":[["q",3]],"consumers":[["q",1]],' +
      '"message_status_counts":{"sent":5,"delivered":4,"acknowledged":2},' +
      '"total_exchanges":1,"total_bindings":2,"connected_clients":1,' +
      '"request_times_avg_seconds":0.5,"avg_publish_to_ack_seconds":0.25,' +
      '"avg_delivery_to_ack_seconds":0,"remembered_ids":5,"ids_forgotten_early":0,"duplicates":0,' +
      '"redelivered":6,"dead_lettered":7,"expired":8,"refused_full":9,"refused_limit":10,' +
      '"refused_connections":11}',
    ],
    [{ kind: "stats_reset" }, "Stats reset"],
    [refused, "Error: no queue 'q'"],
    [{ ...refused, id: "9bd0" }, "Error: no queue 'q' for message 9bd0"],
  ];
  const session = open();
  for (const [answer, line] of cases) {
    session.answer(answer);
    assert.equal(said(session), `${line}\n`);
  }
  for (const [answer] of cases) session.answer(answer);
  assert.equal(said(session), cases.map(([, line]) => `${line}\n`).join(""), "all in one write");
});

Deno.test("replies that need no core, and pushed messages, are whole lines in the order they were said", () => {
  const session = open();
  const message: MessageHead = {
    queue: "q",
    receiver: "alice",
    seq: 0,
    id: "m-1",
    publisher: "bob",
    size: 3,
    checksum: 0,
    exchange: "x",
    routingKey: "k",
    expiresMs: 0,
  };
  session.reply({ kind: "heartbeat_ok" });
  session.deliver(message, Buffer.from('{"a":"é"}'));
  session.answer({ kind: "ack_confirmed", id: "m-0" });
  session.reply({ kind: "failed", text: "Unknown command" });
  assert.equal(
    said(session),
    'HEARTBEAT_OK\nMessage: m-1 {"a":"é"}\nACK_CONFIRMED m-0\nUnknown command\n',
  );
});

Deno.test("bytes are handed out once, and stay as they are while more is said", () => {
  const session = open();
  assert.equal(session.takeBytes().length, 0);
  session.answer({ kind: "subscribed" });
  const first = session.takeBytes();
  assert.equal(session.takeBytes().length, 0);
  session.answer({ kind: "no_messages" });
  assert.equal(said(session), "No messages\n");
  assert.equal(Buffer.from(first).toString(), "Subscribed to queue\n");
});
