/** Tests of `lib/wire/text_codec.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter } from "../../lib/base/bytes.ts";
import { envelopeText } from "../../lib/base/envelope.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import type { ExpiryAction, QueueOptions } from "../../lib/base/queue_options.ts";
import type { Command, PublishedMessage } from "../../lib/wire/command.ts";
import { parseEnvelope } from "../../lib/wire/envelope_text.ts";
import { reasonProblem } from "../../lib/wire/reject_reason.ts";
import type { ReceivedReply, Reply } from "../../lib/wire/reply.ts";
import { TextBrokerCodec, TextClientCodec } from "../../lib/wire/text_codec.ts";
import { pythonJson, sampleEnvelope } from "../support/sample_envelope.ts";
import { envelopes, fromUtf8, names, utf8 } from "./samples.ts";

/** Plain objects, as the codec makes them. */
function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const lines = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));

const wholeNumbers = (least: number) => fc.integer({ min: least, max: Number.MAX_SAFE_INTEGER });

const queueOptions: fc.Arbitrary<Partial<QueueOptions>> = fc.record({
  ackTimeoutMs: wholeNumbers(1),
  maxDeliveries: wholeNumbers(0),
  ttlMs: wholeNumbers(0),
  expired: fc.constantFrom<ExpiryAction>("dead", "remove"),
  maxMessages: wholeNumbers(1),
  maxBytes: wholeNumbers(1),
}, { requiredKeys: [], noNullPrototype: true });

const reasons = fc.oneof(
  fc.constantFrom(" ", "again", "force", "two  words ", "é".repeat(200), "😀".repeat(200)),
  fc.string({ unit: "binary", minLength: 1, maxLength: 200 }),
).filter((text) => reasonProblem(text) === undefined);

const messages: fc.Arbitrary<PublishedMessage> = envelopes.map((envelope) => ({
  id: envelope.message_id,
  receiver: envelope.receiver_client_id,
  body: utf8(envelopeText(envelope)),
}));

const commands: fc.Arbitrary<Command> = fc.oneof(
  record({
    kind: fc.constant("declare_exchange" as const),
    exchange: names,
    exchangeKind: fc.oneof(fc.constantFrom("direct", "topic", "fanout"), names),
  }),
  record({ kind: fc.constant("declare_queue" as const), queue: names, options: queueOptions }),
  record({ kind: fc.constant("delete_exchange" as const), exchange: names, force: fc.boolean() }),
  record({
    kind: fc.constantFrom("delete_queue" as const, "purge" as const),
    queue: names,
    force: fc.boolean(),
  }),
  record({
    kind: fc.constantFrom("fetch", "consume", "dead_letters", "redrive"),
    queue: names,
  }),
  record({
    kind: fc.constant("dead_letters" as const),
    queue: names,
    after: wholeNumbers(0),
  }),
  record({ kind: fc.constant("redrive" as const), queue: names, id: names }),
  record({
    kind: fc.constant("consume" as const),
    queue: names,
    prefetch: fc.integer({ min: 1, max: 999_999_999 }),
  }),
  record({
    kind: fc.constantFrom("bind" as const, "unbind" as const),
    queue: names,
    exchange: names,
    routingKey: names,
  }),
  record({
    kind: fc.constant("publish" as const),
    exchange: names,
    routingKey: names,
    message: messages,
  }),
  record({
    kind: fc.constant("publish" as const),
    exchange: names,
    routingKey: names,
    message: messages,
    ttlMs: wholeNumbers(1),
  }),
  record({
    kind: fc.constant("publish_batch" as const),
    exchange: names,
    routingKey: names,
    messages: fc.array(messages, { minLength: 1, maxLength: 4 }),
  }),
  record({ kind: fc.constantFrom("ack" as const, "touch" as const), id: names }),
  record({ kind: fc.constant("nack" as const), id: names, dead: fc.boolean() }),
  record({
    kind: fc.constant("nack" as const),
    id: names,
    dead: fc.constant(true),
    reason: reasons,
  }),
  record({ kind: fc.constant("register_key" as const), client: names, key: keys }),
  record({ kind: fc.constant("get_key" as const), client: names }),
  record({ kind: fc.constantFrom("stats", "reset_stats", "heartbeat", "backup", "backup_end") }),
  record({ kind: fc.constant("backup_read" as const), offset: wholeNumbers(0) }),
);

const replies: fc.Arbitrary<Reply> = fc.oneof(
  record({
    kind: fc.constantFrom(
      ...["exchange_declared", "queue_declared", "queue_bound", "subscribed"] as const,
      ...["queue_unbound", "queue_deleted", "exchange_deleted"] as const,
      ...["no_messages", "key_registered", "no_key", "stats_reset", "heartbeat_ok"] as const,
      "backup_ended" as const,
    ),
  }),
  record({
    kind: fc.constantFrom("accepted", "ack_confirmed", "nack_confirmed", "touched"),
    id: names,
  }),
  record({ kind: fc.constantFrom("queue_purged", "redriven"), count: wholeNumbers(0) }),
  messages.map(({ id, body }) => ({ kind: "message" as const, id, body })),
  record({ kind: fc.constant("public_key" as const), key: keys }),
  record({ kind: fc.constant("backup" as const), bytes: wholeNumbers(0) }),
  record({
    kind: fc.constant("backup_piece" as const),
    data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  }),
  record({ kind: fc.constantFrom("stats", "dead_letters"), json: lines }),
  lines.filter((why) => !why.includes(" for message "))
    .map((why) => ({ kind: "failed" as const, text: `Error: ${why}` })),
);

const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 10 });

/** Feeds a codec with pieces of the given sizes, over and over. */
function feed<T>(
  bytes: Uint8Array,
  sizes: readonly number[],
  decode: (chunk: Uint8Array) => readonly T[],
): T[] {
  const results: T[] = [];
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    results.push(...decode(bytes.slice(start, start + size)));
    start += size;
  }
  return results;
}

function received(reply: Reply): ReceivedReply {
  if (reply.kind !== "message") return reply;
  return { kind: "message", id: reply.id, text: fromUtf8(reply.body) };
}

Deno.test("the broker understands every command that the client can say, cut anywhere", () => {
  fc.assert(fc.property(fc.array(commands), sizes, (said, sizes) => {
    const client = new TextClientCodec(DEFAULT_LIMITS);
    const broker = new TextBrokerCodec(DEFAULT_LIMITS);
    const writer = new ByteWriter();
    for (const command of said) client.encode(command, writer);
    assert.deepEqual(feed(writer.take(), sizes, (chunk) => broker.decode(chunk)), said);
    assert.equal(broker.partialBytes, 0);
  }));
});

Deno.test("the client understands every reply that the broker can give, cut anywhere", () => {
  fc.assert(fc.property(fc.array(replies), sizes, (said, sizes) => {
    const client = new TextClientCodec(DEFAULT_LIMITS);
    const broker = new TextBrokerCodec(DEFAULT_LIMITS);
    const writer = new ByteWriter();
    for (const reply of said) broker.encode(reply, writer);
    const heard = feed(writer.take(), sizes, (chunk) => client.decode(chunk));
    assert.deepEqual(heard, said.map(received));
    assert.equal(client.partialBytes, 0);
  }));
});

Deno.test("any bytes at all are answered, line by line, the same however they are cut", () => {
  const verb = fc.constantFrom(
    "ack ",
    "publish x k ",
    "publish_batch x k [",
    "stats",
    "",
    "bind a b ",
    "declare_queue q ttl_ms=",
    "publish x k {} ttl_ms=",
    "nack i dead ",
    "purge q ",
    "dead_letters q ",
  );
  const bytes = fc.array(fc.tuple(verb, fc.uint8Array({ maxLength: 40 }))).map((parts) =>
    Uint8Array.from(parts.flatMap(([text, noise]) => [...utf8(text), ...noise, 10]))
  );
  const limits = { ...DEFAULT_LIMITS, maxLineBytes: 45 };
  fc.assert(fc.property(bytes, sizes, (bytes, sizes) => {
    const whole = new TextBrokerCodec(limits);
    const pieces = new TextBrokerCodec(limits);
    const expected = whole.decode(bytes);
    assert.deepEqual(feed(bytes, sizes, (chunk) => pieces.decode(chunk)), expected);
    const writer = new ByteWriter();
    for (const each of expected) {
      if (each.kind !== "malformed") continue;
      whole.encode({ kind: "failed", text: each.reply }, writer);
      assert.match(
        fromUtf8(writer.take()),
        /^(Error|Missing|Invalid|Unknown) [^\r\n]+\n$|^Error: [^\r\n]+\n$/,
      );
    }
  }));
});

Deno.test("a line over the limit is answered in its turn, and closes", () => {
  const bytes = utf8(`stats\nack ${"x".repeat(100)}\nstats\n`);
  const expected = [
    { kind: "stats" },
    { kind: "malformed", reply: "Error: the line is longer than 50 bytes", closes: true },
  ];
  for (const size of [1, 7, 56, 57, 58, 1000]) {
    const broker = new TextBrokerCodec({ ...DEFAULT_LIMITS, maxLineBytes: 50 });
    const decoded = feed(bytes, [size], (chunk) => broker.decode(chunk));
    assert.deepEqual(decoded, expected, `${size} bytes a chunk`);
    assert.equal(broker.partialBytes, 0);
    assert.deepEqual(broker.decode(utf8("stats\n")), []);
  }
});

Deno.test("a client gives up on a line that is no reply, or too long", () => {
  const client = () => new TextClientCodec({ maxLineBytes: 50 });
  assert.throws(() => client().decode(utf8("HTTP/1.1 400\n")), { code: "protocol" });
  assert.throws(() => client().decode(utf8("x".repeat(51))), { code: "limit" });
});

Deno.test("the conversation of the original clients is understood and answered to the byte", () => {
  const key = new Uint8Array(32).fill(5);
  const [first, second] = [sampleEnvelope(), sampleEnvelope({ message_id: "85c9" })];
  const broker = new TextBrokerCodec(DEFAULT_LIMITS);
  const request = [
    `register_key CipherMQ-Receiver ${key.toBase64()}`,
    "declare_queue CipherMQ_queue",
    "declare_exchange CipherMQ_exchange",
    "bind CipherMQ_queue CipherMQ_exchange CipherMQ_key",
    "consume CipherMQ_queue",
    "get_key CipherMQ-Receiver",
    `publish_batch CipherMQ_exchange CipherMQ_key ${pythonJson([first, second])}`,
    "ack 85c9",
  ].join("\n") + "\n";
  assert.deepEqual(broker.decode(utf8(request)).map((command) => command.kind), [
    "register_key",
    "declare_queue",
    "declare_exchange",
    "bind",
    "consume",
    "get_key",
    "publish_batch",
    "ack",
  ]);

  const writer = new ByteWriter();
  const answers: readonly Reply[] = [
    { kind: "key_registered" },
    { kind: "queue_declared" },
    { kind: "exchange_declared" },
    { kind: "queue_bound" },
    { kind: "subscribed" },
    { kind: "public_key", key },
    { kind: "accepted", id: "85c9" },
    { kind: "message", id: "85c9", body: utf8(envelopeText(second)) },
    { kind: "ack_confirmed", id: "85c9" },
  ];
  for (const reply of answers) broker.encode(reply, writer);
  assert.equal(
    fromUtf8(writer.take()),
    "Public key registered\nQueue declared\nExchange declared\nQueue bound\n" +
      `Subscribed to queue\nPublic key: ${key.toBase64()}\nACK 85c9\n` +
      `Message: 85c9 ${envelopeText(second)}\nACK_CONFIRMED 85c9\n`,
  );
});

Deno.test("a received message opens to the envelope that was published", () => {
  fc.assert(fc.property(envelopes, (envelope) => {
    const broker = new TextBrokerCodec(DEFAULT_LIMITS);
    const [command] = broker.decode(utf8(`publish x k ${pythonJson(envelope)}\n`));
    assert.ok(command?.kind === "publish");
    const writer = new ByteWriter();
    broker.encode({ kind: "message", id: command.message.id, body: command.message.body }, writer);
    const [reply] = new TextClientCodec(DEFAULT_LIMITS).decode(writer.take());
    assert.ok(reply?.kind === "message");
    assert.equal(reply.id, envelope.message_id);
    assert.deepEqual(parseEnvelope(reply.text), envelope);
  }));
});
