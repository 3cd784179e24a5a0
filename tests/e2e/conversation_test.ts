/**
 * The conversation of the protocol document, byte for byte, with the real broker over TLS.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { RawClient } from "../support/raw_client.ts";
import { Workspace } from "../support/workspace.ts";

const KEY = "aHJZyv96QGKnYgNBYJ9sGzdjRQ6fDCPbPDgBvGp5SjU=";

/** The JSON of an envelope with Python's spacing; the broker cannot know that nobody can open it. */
function envelope(id: string, receiver = "receiver_1", ciphertext = "c2VjcmV0"): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString("base64");
  return `{"message_id": "${id}", "receiver_client_id": "${receiver}", "enc_session_key": "${
    base64(80)
  }", "nonce": "${base64(12)}", "tag": "${base64(16)}", "ciphertext": "${ciphertext}"}`;
}

/** Commands, each with the lines that it must be answered with. */
type Transcript = readonly (readonly [command: string, ...replies: string[]])[];

async function hold(client: RawClient, transcript: Transcript): Promise<void> {
  for (const [command, ...replies] of transcript) {
    await client.write(`${command}\n`);
    assert.deepEqual(await client.lines(replies.length), replies, command.slice(0, 80));
  }
}

const RECEIVER_DECLARES: Transcript = [
  [`register_key receiver_1 ${KEY}`, "Public key registered"],
  ["declare_queue CipherMQ_queue", "Queue declared"],
  ["declare_exchange CipherMQ_exchange", "Exchange declared"],
  ["bind CipherMQ_queue CipherMQ_exchange CipherMQ_key", "Queue bound"],
];

Deno.test("the conversation of the original clients is answered byte for byte", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const receiver = await workspace.connect("receiver_1");
  await hold(receiver, [...RECEIVER_DECLARES, [
    "consume CipherMQ_queue",
    "Subscribed to queue",
  ]]);
  const first = await workspace.connect("sender_1");
  await hold(first, [["get_key receiver_1", `Public key: ${KEY}`]]);
  first.close();
  const sender = await workspace.connect("sender_1");
  const [one, two, three] = [envelope("9bd0-1"), envelope("85c9-2"), envelope("77aa-3")];
  const batch = `publish_batch CipherMQ_exchange CipherMQ_key [${one}, ${two}]`;
  await hold(sender, [[batch, "ACK 9bd0-1", "ACK 85c9-2"]]);
  await hold(sender, [[`publish CipherMQ_exchange CipherMQ_key ${three}`, "ACK 77aa-3"]]);
  for (const [id, sent] of [["9bd0-1", one], ["85c9-2", two], ["77aa-3", three]] as const) {
    const line = (await receiver.line())!;
    assert.equal(line.slice(0, 16), `Message: ${id} `);
    assert.deepEqual(JSON.parse(line.slice(16)), JSON.parse(sent));
    assert.deepEqual(Object.keys(JSON.parse(line.slice(16))), Object.keys(JSON.parse(sent)));
  }
  await hold(receiver, [
    ["ack 9bd0-1", "ACK_CONFIRMED 9bd0-1"],
    ["ack 77aa-3", "ACK_CONFIRMED 77aa-3"],
    ["ack 85c9-2", "ACK_CONFIRMED 85c9-2"],
    ["ack 85c9-2", "ACK_CONFIRMED 85c9-2"],
  ]);
  // Resent after it was delivered and acknowledged: ACK, and nothing is delivered again.
  await hold(sender, [[batch, "ACK 9bd0-1", "ACK 85c9-2"]]);
  await hold(receiver, [["fetch CipherMQ_queue", "No messages"]]);
});

Deno.test("every command and every failure text of the protocol document", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await hold(client, [
    ["declare_queue", "Missing queue name"],
    ["declare_exchange", "Missing exchange name"],
    ["bind", "Missing parameters"],
    ["bind q", "Missing parameters"],
    ["bind q e", "Missing parameters"],
    ["publish", "Missing parameters"],
    ["publish e k", "Missing parameters"],
    ["publish_batch", "Missing parameters"],
    ["publish_batch e k", "Missing parameters"],
    ["consume", "Missing queue name"],
    ["fetch", "Missing queue name"],
    ["ack", "Missing message ID"],
    ["register_key", "Missing client ID or public key"],
    ["register_key receiver_1", "Missing client ID or public key"],
    ["get_key", "Missing client ID"],
    ["get_key receiver_1", "No public key found"],
    ["reset_stats", "Stats reset"],
    ["heartbeat", "HEARTBEAT_OK"],
    ["", "Unknown command"],
    ["nonsense", "Unknown command"],
    ["PUBLISH e k {}", "Unknown command"],
    ...RECEIVER_DECLARES,
    [`register_public_key receiver_1 ${KEY}`, "Public key registered"],
    ["get_public_key receiver_1", `Public key: ${KEY}`],
    ["declare_queue CipherMQ_queue\r", "Queue declared"],
    ["fetch CipherMQ_queue", "No messages"],
  ]);
  const failures: readonly (readonly [string, RegExp])[] = [
    ["publish CipherMQ_exchange CipherMQ_key {", /^Invalid message format: ./],
    ["publish CipherMQ_exchange CipherMQ_key {}", /^Invalid message format: ./],
    ["publish_batch CipherMQ_exchange CipherMQ_key [", /^Invalid batch format: ./],
    ["publish_batch CipherMQ_exchange CipherMQ_key {}", /^Invalid batch format: ./],
    ["publish_batch CipherMQ_exchange CipherMQ_key [{}]", /^Invalid batch format: ./],
    [`publish nowhere k ${envelope("a")}`, /^Error: no exchange 'nowhere'/],
    [`publish CipherMQ_exchange other ${envelope("b")}`, /^Error: no queue is bound/],
    [`publish_batch CipherMQ_exchange other [${envelope("c")}]`, /^Error: .+ for message c$/],
    ["consume nowhere", /^Error: no queue 'nowhere'/],
    ["fetch nowhere", /^Error: no queue 'nowhere'/],
    ["bind nowhere CipherMQ_exchange k", /^Error: no queue 'nowhere'/],
    ["ack never-seen", /^Error: ./],
    ["declare_queue two words", /^Error: ./],
    [`register_key sender_1 ${KEY}`, /^Error registering key: ./],
    ["register_key receiver_1 AAAA", /^Error registering key: ./],
    ["get_key two words", /^Error retrieving key: ./],
    ["resend", /^(Unknown command|Error: .+)$/],
  ];
  for (const [command, expected] of failures) {
    assert.match((await client.ask(command))!, expected, command.slice(0, 60));
  }
  const stats = (await client.ask("stats"))!;
  assert(stats.startsWith("Stats: {"));
  const report = JSON.parse(stats.slice("Stats: ".length));
  const keys = [
    "queues",
    "consumers",
    "message_status_counts",
    "total_exchanges",
    "total_bindings",
    "connected_clients",
    "request_times_avg_seconds",
    "avg_publish_to_ack_seconds",
    "avg_delivery_to_ack_seconds",
  ];
  for (const key of keys) assert(key in report, key);
  assert.deepEqual(report.queues, [["CipherMQ_queue", 0]]);
  assert.deepEqual(Object.keys(report.message_status_counts), [
    "sent",
    "delivered",
    "acknowledged",
  ]);
  assert.equal(report.total_exchanges, 1);
  assert.equal(report.total_bindings, 1);
  assert.equal(report.connected_clients, 1);
});

Deno.test("a publish of the same id with other content is an error, with the same content an ACK", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await hold(client, RECEIVER_DECLARES);
  const publish = "publish CipherMQ_exchange CipherMQ_key ";
  const first = envelope("same");
  await hold(client, [[publish + first, "ACK same"], [publish + first, "ACK same"]]);
  const other = (await client.ask(publish + envelope("same")))!;
  assert.match(other, /^Error: /);
  await hold(client, [["consume CipherMQ_queue", "Subscribed to queue"]]);
  assert.match((await client.line())!, /^Message: same /);
  await hold(client, [["ack same", "ACK_CONFIRMED same"], [
    "fetch CipherMQ_queue",
    "No messages",
  ]]);
});

Deno.test("commands cut into many TLS records, and many commands in one, are the same", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const declared = RECEIVER_DECLARES.map(([, reply]) => reply!);
  const text = RECEIVER_DECLARES.map(([command]) => `${command}\n`).join("");
  const together = await workspace.connect("receiver_1");
  await together.write(text);
  assert.deepEqual(await together.lines(declared.length), declared);

  const ids = Array.from({ length: 5 }, (_, i) => `é-${i}`);
  const batch = `publish_batch CipherMQ_exchange CipherMQ_key [${
    ids.map((id) => envelope(id)).join(", ")
  }]\nstats\nnonsense\nget_key receiver_1\n`;
  const cut = await workspace.connect("sender_1");
  // Byte by byte at both ends, where words and characters are cut, and in odd pieces between.
  const bytes = new TextEncoder().encode(batch);
  for (let at = 0; at < bytes.length;) {
    const size = at < 100 || at > bytes.length - 100 ? 1 : 37;
    await cut.write(bytes.subarray(at, at + size));
    at += size;
  }
  const replies = await cut.lines(ids.length + 3);
  assert.deepEqual(replies.slice(0, ids.length), ids.map((id) => `ACK ${id}`));
  assert.match(replies[ids.length]!, /^Stats: /);
  assert.deepEqual(replies.slice(ids.length + 1), ["Unknown command", `Public key: ${KEY}`]);

  await together.write("fetch CipherMQ_queue\nconsume CipherMQ_queue\nget_key receiver_1\n");
  const lines = await together.lines(2 + ids.length);
  const others = lines.filter((line) => !line.startsWith("Message: "));
  assert.deepEqual(others, ["Subscribed to queue", `Public key: ${KEY}`]);
  const pushed = lines.filter((line) => line.startsWith("Message: "));
  assert.deepEqual(pushed.map((line) => line.split(" ")[1]), ids);
  await together.write(ids.map((id) => `ack ${id}\n`).join(""));
  assert.deepEqual(await together.lines(ids.length), ids.map((id) => `ACK_CONFIRMED ${id}`));
});

Deno.test("replies keep the order of pipelined commands, whatever needs the disk and what does not", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await hold(client, RECEIVER_DECLARES);
  const commands: string[] = [];
  const expected: string[] = [];
  for (let i = 0; i < 500; i++) {
    commands.push(`publish CipherMQ_exchange CipherMQ_key ${envelope(`m-${i}`)}`, "nonsense");
    expected.push(`ACK m-${i}`, "Unknown command");
    commands.push("heartbeat", "get_key receiver_1", "declare_queue CipherMQ_queue");
    expected.push("HEARTBEAT_OK", `Public key: ${KEY}`, "Queue declared");
  }
  const written = client.write(`${commands.join("\n")}\n`);
  assert.deepEqual(await client.lines(expected.length), expected);
  await written;
});
