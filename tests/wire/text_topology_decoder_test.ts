/** Tests of `lib/wire/text_topology_decoder.ts`. @module */
import assert from "node:assert/strict";
import type { Command } from "../../lib/wire/command.ts";
import { decodeTopology } from "../../lib/wire/text_topology_decoder.ts";

function decode(line: string) {
  const space = line.indexOf(" ");
  return space === -1
    ? decodeTopology(line, "")
    : decodeTopology(line.slice(0, space), line.slice(space + 1));
}

const COMMANDS: readonly (readonly [line: string, command: Command])[] = [
  ["declare_queue q", { kind: "declare_queue", queue: "q", options: {} }],
  ["declare_queue ttl_ms=1", { kind: "declare_queue", queue: "ttl_ms=1", options: {} }],
  ["declare_queue q ack_timeout_ms=9 max_deliveries=0 ttl_ms=8 expired=remove", {
    kind: "declare_queue",
    queue: "q",
    options: { ackTimeoutMs: 9, maxDeliveries: 0, ttlMs: 8, expired: "remove" },
  }],
  ["declare_queue q max_bytes=1 max_messages=2", {
    kind: "declare_queue",
    queue: "q",
    options: { maxBytes: 1, maxMessages: 2 },
  }],
  ["declare_exchange x", { kind: "declare_exchange", exchange: "x", exchangeKind: "direct" }],
  ["declare_exchange x fanout", {
    kind: "declare_exchange",
    exchange: "x",
    exchangeKind: "fanout",
  }],
  ["bind q x k", { kind: "bind", queue: "q", exchange: "x", routingKey: "k" }],
  ["unbind q x k", { kind: "unbind", queue: "q", exchange: "x", routingKey: "k" }],
  ["delete_queue q", { kind: "delete_queue", queue: "q", force: false }],
  ["delete_queue q force", { kind: "delete_queue", queue: "q", force: true }],
  ["delete_queue force", { kind: "delete_queue", queue: "force", force: false }],
  ["delete_exchange x", { kind: "delete_exchange", exchange: "x", force: false }],
  ["delete_exchange x force", { kind: "delete_exchange", exchange: "x", force: true }],
  ["purge q", { kind: "purge", queue: "q", force: false }],
  ["purge q force", { kind: "purge", queue: "q", force: true }],
];

for (const [line, command] of COMMANDS) {
  Deno.test(`'${line}' is ${command.kind}`, () => {
    assert.deepEqual(decode(line), command);
  });
}

const REPLIES: readonly (readonly [line: string, reply: string])[] = [
  ["declare_queue a b", "Error: queue name has a space or control character"],
  ["declare_queue a ttl_ms", "Error: queue name has a space or control character"],
  ["declare_queue q ", "Error: queue name has a space or control character"],
  ["declare_queue  ttl_ms=1", "Missing queue name"],
  ["declare_queue q\0 ttl_ms=1", "Error: queue name has a space or control character"],
  ["declare_exchange x a b", "Error: exchange kind has a space or control character"],
  ["unbind", "Missing parameters"],
  ["unbind q x", "Missing parameters"],
  ["unbind q x ", "Missing parameters"],
  ["unbind q  k", "Missing parameters"],
  ["unbind q x k k", "Error: routing key has a space or control character"],
  ["unbind q\0 x k", "Error: queue name has a space or control character"],
  ["unbind q x\0 k", "Error: exchange name has a space or control character"],
  ["delete_queue", "Missing queue name"],
  ["delete_queue ", "Missing queue name"],
  ["delete_queue  force", "Missing queue name"],
  ["delete_queue q\0 force", "Error: queue name has a space or control character"],
  ["delete_exchange", "Missing exchange name"],
  ["delete_exchange \u202e", "Error: exchange name has a space or control character"],
  ["purge", "Missing queue name"],
  [`purge ${"x".repeat(256)} force`, "Error: queue name is longer than 255 bytes"],
];

for (const [line, reply] of REPLIES) {
  Deno.test(`${JSON.stringify(line.slice(0, 40))} is answered '${reply}'`, () => {
    assert.deepEqual(decode(line), { kind: "malformed", reply });
  });
}

Deno.test("only the one word 'force' forces", () => {
  for (const word of ["", "Force", "FORCE", "forced", "force ", " force", "force force", "true"]) {
    for (const verb of ["delete_queue", "purge"]) {
      assert.throws(() => decode(`${verb} q ${word}`), {
        code: "usage",
        message: "what follows the queue name is not 'force'",
      });
    }
    assert.throws(() => decode(`delete_exchange x ${word}`), {
      code: "usage",
      message: "what follows the exchange name is not 'force'",
    });
  }
});

Deno.test("options that make no sense declare nothing", () => {
  for (const options of ["x=1", "ttl_ms=x", "ttl_ms=1 ttl_ms=1", "ttl_ms=1 expired"]) {
    assert.throws(() => decode(`declare_queue q ${options}`), { code: "usage" });
  }
});

Deno.test("other verbs are not its business", () => {
  for (const verb of ["", "ack", "publish", "delete", "DELETE_QUEUE", "__proto__"]) {
    assert.equal(decodeTopology(verb, "q"), undefined);
  }
});
