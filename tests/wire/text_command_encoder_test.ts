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
  [{ kind: "declare_queue", queue: "q" }, "declare_queue q\n"],
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
  [{ kind: "register_key", client: "c", key: KEY }, `register_key c ${KEY.toBase64()}\n`],
  [{ kind: "get_key", client: "c" }, "get_key c\n"],
  [{ kind: "stats" }, "stats\n"],
  [{ kind: "reset_stats" }, "reset_stats\n"],
  [{ kind: "heartbeat" }, "heartbeat\n"],
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
