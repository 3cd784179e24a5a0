/** Tests of `lib/wire/text_command_encoder.ts`. @module */
import assert from "node:assert/strict";
import { ByteWriter } from "../../lib/base/bytes.ts";
import type { Command } from "../../lib/wire/command.ts";
import { encodeCommand } from "../../lib/wire/text_command_encoder.ts";
import { fromUtf8, utf8 } from "./samples.ts";

const KEY = new Uint8Array(32).fill(5);
const MESSAGE = { id: "i", receiver: "r", body: utf8('{"a":1}') };

function encode(command: Command): string {
  const writer = new ByteWriter();
  encodeCommand(command, writer);
  return fromUtf8(writer.take());
}

const LINES: readonly (readonly [command: Command, line: string])[] = [
  // Without options, so that the original broker understands it.
  [{ kind: "declare_queue", queue: "q", options: {} }, "declare_queue q\n"],
  [
    { kind: "declare_queue", queue: "q", options: { maxBytes: 9, expired: "dead", ttlMs: 0 } },
    "declare_queue q ttl_ms=0 expired=dead max_bytes=9\n",
  ],
  // Without its kind, so that the original broker understands it.
  [
    { kind: "declare_exchange", exchange: "x", exchangeKind: "direct" },
    "declare_exchange x\n",
  ],
  [
    { kind: "declare_exchange", exchange: "x", exchangeKind: "topic" },
    "declare_exchange x topic\n",
  ],
  [{ kind: "bind", queue: "q", exchange: "x", routingKey: "k" }, "bind q x k\n"],
  [{ kind: "unbind", queue: "q", exchange: "x", routingKey: "k" }, "unbind q x k\n"],
  [{ kind: "delete_queue", queue: "q", force: false }, "delete_queue q\n"],
  [{ kind: "delete_queue", queue: "q", force: true }, "delete_queue q force\n"],
  [{ kind: "delete_exchange", exchange: "x", force: false }, "delete_exchange x\n"],
  [{ kind: "delete_exchange", exchange: "x", force: true }, "delete_exchange x force\n"],
  [{ kind: "purge", queue: "q", force: false }, "purge q\n"],
  [{ kind: "purge", queue: "q", force: true }, "purge q force\n"],
  [
    { kind: "publish", exchange: "x", routingKey: "k", message: MESSAGE, ttlMs: 5 },
    'publish x k {"a":1} ttl_ms=5\n',
  ],
  [
    { kind: "publish", exchange: "x", routingKey: "k", message: MESSAGE },
    'publish x k {"a":1}\n',
  ],
  [
    { kind: "publish_batch", exchange: "x", routingKey: "k", messages: [MESSAGE, MESSAGE] },
    'publish_batch x k [{"a":1},{"a":1}]\n',
  ],
  [{ kind: "consume", queue: "q" }, "consume q\n"],
  [{ kind: "consume", queue: "q", prefetch: 5 }, "consume q 5\n"],
  [{ kind: "fetch", queue: "q" }, "fetch q\n"],
  [{ kind: "ack", id: "é" }, "ack é\n"],
  [{ kind: "touch", id: "i" }, "touch i\n"],
  [{ kind: "nack", id: "i", dead: false }, "nack i\n"],
  [{ kind: "nack", id: "i", dead: true }, "nack i dead\n"],
  [{ kind: "nack", id: "i", dead: true, reason: "wrong key" }, "nack i dead wrong key\n"],
  [{ kind: "dead_letters", queue: "q" }, "dead_letters q\n"],
  [{ kind: "dead_letters", queue: "q", after: 0 }, "dead_letters q 0\n"],
  [{ kind: "redrive", queue: "q" }, "redrive q\n"],
  [{ kind: "redrive", queue: "q", id: "i" }, "redrive q i\n"],
  [{ kind: "register_key", client: "c", key: KEY }, `register_key c ${KEY.toBase64()}\n`],
  [{ kind: "get_key", client: "c" }, "get_key c\n"],
  [{ kind: "stats" }, "stats\n"],
  [{ kind: "reset_stats" }, "reset_stats\n"],
  [{ kind: "heartbeat" }, "heartbeat\n"],
  [{ kind: "backup" }, "backup\n"],
  [{ kind: "backup_read", offset: 196_608 }, "backup_read 196608\n"],
  [{ kind: "backup_end" }, "backup_end\n"],
];

for (const [command, line] of LINES) {
  Deno.test(`${command.kind} is written ${JSON.stringify(line.slice(0, 40))}`, () => {
    assert.equal(encode(command), line);
  });
}

function refused(command: Command, expected: { code: string; message?: RegExp }): void {
  const writer = new ByteWriter();
  assert.throws(() => encodeCommand(command, writer), expected);
  assert.equal(writer.length, 0);
}

Deno.test("a name that would break the line is refused, and nothing is written", () => {
  const tame = {
    queue: "q",
    exchange: "x",
    exchangeKind: "direct",
    routingKey: "k",
    id: "i",
    client: "c",
  };
  for (const [command] of LINES) {
    for (const field of Object.keys(command).filter((key) => key in tame)) {
      for (const bad of ["", "a b", "a\nack i"]) {
        refused({ ...command, [field]: bad } as Command, { code: "invalid_name" });
      }
    }
  }
});

Deno.test("an envelope that is not one line is refused, and nothing is written", () => {
  for (const body of [utf8('{"a":\n1}'), utf8("")]) {
    const bad = { ...MESSAGE, body };
    const where = { exchange: "x", routingKey: "k" };
    refused({ kind: "publish", ...where, message: bad }, { code: "invalid_message" });
    const messages = [MESSAGE, bad];
    refused({ kind: "publish_batch", ...where, messages }, { code: "invalid_message" });
  }
});

Deno.test("a prefetch that the broker would not understand is refused", () => {
  for (const prefetch of [0, -1, 1.5, NaN, 1e9]) {
    refused({ kind: "consume", queue: "q", prefetch }, { code: "usage" });
  }
});

Deno.test("a number that the broker would not understand is refused", () => {
  const publish = { kind: "publish", exchange: "x", routingKey: "k", message: MESSAGE } as const;
  for (const bad of [-1, 1.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1]) {
    refused({ kind: "declare_queue", queue: "q", options: { ttlMs: bad } }, { code: "usage" });
    refused({ kind: "dead_letters", queue: "q", after: bad }, { code: "usage" });
    refused({ ...publish, ttlMs: bad }, { code: "usage", message: /^ttl_ms is not a whole / });
  }
  refused({ ...publish, ttlMs: 0 }, { code: "usage" });
});

Deno.test("a reason is refused that would break the line, or that goes with no dead letter", () => {
  for (const reason of ["", "a\nack i", "a\r", "x".repeat(201)]) {
    refused({ kind: "nack", id: "i", dead: true, reason }, { code: "usage" });
  }
  refused({ kind: "nack", id: "i", dead: false, reason: "why" }, {
    code: "usage",
    message: /^the reason is for a dead letter only$/,
  });
});
