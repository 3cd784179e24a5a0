/** Tests of `lib/wire/text_reply_codec.ts`. @module */
import assert from "node:assert/strict";
import { ByteWriter } from "../../lib/base/bytes.ts";
import { messageFailure, type ReceivedReply, type Reply } from "../../lib/wire/reply.ts";
import { decodeReply, encodeReply } from "../../lib/wire/text_reply_codec.ts";
import { fromUtf8, utf8 } from "./samples.ts";

const KEY = new Uint8Array(32).fill(5);

function encode(reply: Reply): string {
  const writer = new ByteWriter();
  encodeReply(reply, writer);
  return fromUtf8(writer.take());
}

const failed = (text: string): Reply => ({ kind: "failed", text });

const LINES: readonly (readonly [reply: Reply, line: string])[] = [
  [{ kind: "queue_declared" }, "Queue declared"],
  [{ kind: "exchange_declared" }, "Exchange declared"],
  [{ kind: "queue_bound" }, "Queue bound"],
  [{ kind: "queue_unbound" }, "Queue unbound"],
  [{ kind: "queue_deleted" }, "Queue deleted"],
  [{ kind: "exchange_deleted" }, "Exchange deleted"],
  [{ kind: "queue_purged", count: 0 }, "Queue purged: 0"],
  [
    { kind: "queue_purged", count: Number.MAX_SAFE_INTEGER },
    "Queue purged: 9007199254740991",
  ],
  [{ kind: "nack_confirmed", id: "é" }, "NACK_CONFIRMED é"],
  [{ kind: "touched", id: "é" }, "TOUCHED é"],
  [{ kind: "dead_letters", json: '[{"seq":1}]' }, 'Dead letters: [{"seq":1}]'],
  [{ kind: "redriven", count: 3 }, "Redriven: 3"],
  [{ kind: "accepted", id: "i" }, "ACK i"],
  [{ kind: "subscribed" }, "Subscribed to queue"],
  [{ kind: "message", id: "i", body: utf8('{"a": "é"}') }, 'Message: i {"a": "é"}'],
  [{ kind: "no_messages" }, "No messages"],
  [{ kind: "ack_confirmed", id: "é" }, "ACK_CONFIRMED é"],
  [{ kind: "key_registered" }, "Public key registered"],
  [{ kind: "public_key", key: KEY }, `Public key: ${KEY.toBase64()}`],
  [{ kind: "no_key" }, "No public key found"],
  [{ kind: "stats", json: '{"queues":[]}' }, 'Stats: {"queues":[]}'],
  [{ kind: "stats_reset" }, "Stats reset"],
  [{ kind: "heartbeat_ok" }, "HEARTBEAT_OK"],
  [{ kind: "backup", bytes: 81_920 }, "Backup: 81920"],
  [{ kind: "backup_piece", data: utf8("abcd") }, "Backup piece: YWJjZA=="],
  [{ kind: "backup_ended" }, "Backup ended"],
  [failed("Missing queue name"), "Missing queue name"],
  [failed("Missing exchange name"), "Missing exchange name"],
  [failed("Missing parameters"), "Missing parameters"],
  [failed("Missing message ID"), "Missing message ID"],
  [failed("Missing client ID or public key"), "Missing client ID or public key"],
  [failed("Missing client ID"), "Missing client ID"],
  [failed("Invalid message format: why"), "Invalid message format: why"],
  [failed("Invalid batch format: why"), "Invalid batch format: why"],
  [failed("Error: why"), "Error: why"],
  [failed("Error registering key: why"), "Error registering key: why"],
  [failed("Error retrieving key: why"), "Error retrieving key: why"],
  [failed("Unknown command"), "Unknown command"],
  [messageFailure("the queue is full", "i"), "Error: the queue is full for message i"],
];

for (const [reply, line] of LINES) {
  Deno.test(`${reply.kind} is '${line}', both ways`, () => {
    assert.equal(encode(reply), `${line}\n`);
    const received: ReceivedReply = reply.kind === "message"
      ? { kind: "message", id: reply.id, text: fromUtf8(reply.body) }
      : reply;
    assert.deepEqual(decodeReply(line), received);
  });
}

Deno.test("a reply that would be two lines is a bug, and nothing of it is written", () => {
  const broken: readonly Reply[] = [
    failed("Error: a\nACK i"),
    failed("Error: a\r"),
    { kind: "accepted", id: "i\nACK j" },
    { kind: "ack_confirmed", id: "i\n" },
    { kind: "nack_confirmed", id: "i\n" },
    { kind: "touched", id: "i\n" },
    { kind: "stats", json: "{\n}" },
    { kind: "dead_letters", json: "[\n]" },
    { kind: "message", id: "i\n", body: utf8("{}") },
    { kind: "message", id: "i", body: utf8("{\n}") },
  ];
  const writer = new ByteWriter();
  for (const reply of broken) {
    assert.throws(() => encodeReply(reply, writer), { name: "AssertionError" });
    assert.equal(writer.length, 0);
  }
});

Deno.test("only a failure that ends in a message id has one", () => {
  const idOf = (line: string) => {
    const reply = decodeReply(line);
    return reply.kind === "failed" ? reply.id : assert.fail();
  };
  assert.equal(idOf("Error: no key for message a for message b"), "b");
  assert.equal(idOf("Error: no queue for message a b"), undefined);
  assert.equal(idOf("Error: no queue for message "), undefined);
  assert.equal(idOf("Error: no queue"), undefined);
});

Deno.test("what is no reply is refused without repeating it", () => {
  const lines = [
    undefined,
    "",
    "SECRET",
    "ACK",
    "ACK ",
    "ACK SECRET SECRET",
    "ACK_CONFIRMED \0SECRET",
    "NACK_CONFIRMED",
    "NACK_CONFIRMED SECRET\0",
    "TOUCHED SECRET SECRET",
    "Queue purged",
    "Queue purged: ",
    "Queue purged: SECRET",
    "Queue purged: -1",
    "Queue purged: 1 ",
    "Queue purged: 1e3",
    "Redriven: 9007199254740992",
    "Redriven: 01",
    "Dead letters:",
    "Message: SECRET",
    "Message:  {}",
    "Message: SECRET\0 {}",
    "Public key: SECRET",
    "queue declared",
    "Queue declared ",
    "Errors: SECRET",
    "__proto__",
  ];
  for (const line of lines) {
    assert.throws(() => decodeReply(line), (error: Error & { code: string }) => {
      assert.equal(error.code, "protocol", line);
      assert.doesNotMatch(error.message, /SECRET/);
      return true;
    });
  }
});
