/** Tests of `lib/wire/queue_options_text.ts`. @module */
import assert from "node:assert/strict";
import type { QueueOptions } from "../../lib/base/queue_options.ts";
import { queueOptionsText, readQueueOptions } from "../../lib/wire/queue_options_text.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const TEXTS: readonly (readonly [text: string, options: Partial<QueueOptions>])[] = [
  ["ack_timeout_ms=1", { ackTimeoutMs: 1 }],
  ["max_deliveries=0", { maxDeliveries: 0 }],
  ["ttl_ms=0", { ttlMs: 0 }],
  ["expired=dead", { expired: "dead" }],
  ["expired=remove", { expired: "remove" }],
  ["max_messages=1", { maxMessages: 1 }],
  ["max_bytes=1", { maxBytes: 1 }],
  [`ack_timeout_ms=${MAX} max_deliveries=${MAX} ttl_ms=${MAX} max_messages=${MAX}`, {
    ackTimeoutMs: MAX,
    maxDeliveries: MAX,
    ttlMs: MAX,
    maxMessages: MAX,
  }],
  [
    "ack_timeout_ms=30000 max_deliveries=20 ttl_ms=0 expired=dead max_messages=1000000 " +
    "max_bytes=4294967296",
    {
      ackTimeoutMs: 30_000,
      maxDeliveries: 20,
      ttlMs: 0,
      expired: "dead",
      maxMessages: 1_000_000,
      maxBytes: 2 ** 32,
    },
  ],
];

for (const [text, options] of TEXTS) {
  Deno.test(`'${text.slice(0, 40)}' are queue options, both ways`, () => {
    assert.deepEqual(readQueueOptions(text), options);
    assert.equal(queueOptionsText(options), ` ${text}`);
  });
}

Deno.test("options come in any order, and no options are no text", () => {
  assert.deepEqual(readQueueOptions("expired=dead ttl_ms=5"), { ttlMs: 5, expired: "dead" });
  assert.equal(queueOptionsText({}), "");
});

const UNKNOWN =
  "unknown queue option; there are ack_timeout_ms, max_deliveries, ttl_ms, expired, max_messages, max_bytes";
const notWhole = (name: string, least: number) =>
  `the queue option ${name} is not a whole number from ${least} to ${MAX}`;

const REFUSALS: readonly (readonly [text: string, why: string])[] = [
  ["", UNKNOWN],
  ["=", UNKNOWN],
  ["=1", UNKNOWN],
  ["ttl=1", UNKNOWN],
  ["ttlMs=1", UNKNOWN],
  ["TTL_MS=1", UNKNOWN],
  ["__proto__=1", UNKNOWN],
  ["constructor=1", UNKNOWN],
  [" ttl_ms=1", UNKNOWN],
  ["ttl_ms=1 ", UNKNOWN],
  ["ttl_ms=1  expired=dead", UNKNOWN],
  ["ttl_ms =1", notWhole("ttl_ms", 0)],
  ["ttl_ms", notWhole("ttl_ms", 0)],
  ["ttl_ms=", notWhole("ttl_ms", 0)],
  ["ttl_ms==1", notWhole("ttl_ms", 0)],
  ["ttl_ms=-1", notWhole("ttl_ms", 0)],
  ["ttl_ms=1.5", notWhole("ttl_ms", 0)],
  ["ttl_ms=1e3", notWhole("ttl_ms", 0)],
  ["ttl_ms=5s", notWhole("ttl_ms", 0)],
  ["ttl_ms=9007199254740992", notWhole("ttl_ms", 0)],
  ["max_deliveries=x", notWhole("max_deliveries", 0)],
  ["ack_timeout_ms=0", notWhole("ack_timeout_ms", 1)],
  ["max_messages=0", notWhole("max_messages", 1)],
  ["max_bytes=0", notWhole("max_bytes", 1)],
  ["expired", "the queue option expired is neither 'dead' nor 'remove'"],
  ["expired=", "the queue option expired is neither 'dead' nor 'remove'"],
  ["expired=Dead", "the queue option expired is neither 'dead' nor 'remove'"],
  ["expired=0", "the queue option expired is neither 'dead' nor 'remove'"],
  ["ttl_ms=1 ttl_ms=1", "the queue option ttl_ms is given twice"],
  ["ttl_ms=1 expired=dead ttl_ms=bad", "the queue option ttl_ms is given twice"],
];

for (const [text, why] of REFUSALS) {
  Deno.test(`the queue options '${text}' are refused: ${why.slice(0, 50)}`, () => {
    assert.throws(() => readQueueOptions(text), { code: "usage", message: why });
  });
}

Deno.test("values that would not be read are not written", () => {
  const bad: readonly unknown[] = [
    ...[{ ttlMs: -1 }, { ttlMs: 1.5 }, { ttlMs: NaN }, { ttlMs: MAX + 1 }, { ackTimeoutMs: 0 }],
    ...[{ maxMessages: 0 }, { maxBytes: 0 }, { expired: "dead ttl_ms=1" }, { expired: "a\nb" }],
  ];
  for (const options of bad) {
    assert.throws(() => queueOptionsText(options as Partial<QueueOptions>), { code: "usage" });
  }
});

Deno.test("a long line of words is refused at its first wrong one, without a list of them all", () => {
  const text = `ttl_ms=1 ${"x ".repeat(8_000_000)}`;
  assert.equal(text.indexOf("?"), -1); // makes it one piece, which costs memory once
  const before = Deno.memoryUsage().heapUsed;
  assert.throws(() => readQueueOptions(text), { message: UNKNOWN });
  assert.ok(Deno.memoryUsage().heapUsed - before < 16_000_000);
});
