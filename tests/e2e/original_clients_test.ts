/**
 * The original's own sender and receiver with the real broker, and with each other's counterpart of
 * this project.
 *
 * @module
 */
import assert from "node:assert/strict";
import { OriginalReceiver } from "../support/original_receiver.ts";
import { readKeys } from "../support/original_protocol.ts";
import { OriginalSender } from "../support/original_sender.ts";
import { textsIn } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

/** The example's names, where its users have them. */
const NAMES = {
  queue_name: "CipherMQ_queue",
  exchange_name: "CipherMQ_exchange",
  routing_key: "CipherMQ_key",
  receiver_client_ids: ["CipherMQ-Receiver"],
};
const CLIENTS = ["CipherMQ-Receiver", "CipherMQ-Sender"];
const TEXTS = ["one", "zwei — ½ €", "سه 🔐", "", '"quoted"\t\\ \u007f', "x".repeat(20_000)];

function startReceiver(workspace: Workspace): Promise<OriginalReceiver> {
  return OriginalReceiver.start({
    config: workspace.originalConfig("CipherMQ-Receiver", NAMES),
    clientId: "CipherMQ-Receiver",
    keys: readKeys(workspace.path("certs"), "CipherMQ-Receiver"),
    output: workspace.path("received_messages.jsonl"),
  });
}

Deno.test("original sender, original receiver", async () => {
  await using workspace = await Workspace.make({ clients: CLIENTS });
  workspace.plaintexts.push(...TEXTS.filter((text) => text.length > 3));
  await workspace.serve();
  const receiver = await startReceiver(workspace);
  try {
    const sender = new OriginalSender(workspace.originalConfig("CipherMQ-Sender", NAMES));
    const envelopes = await sender.encrypt("CipherMQ-Receiver", TEXTS);
    const ids = envelopes.map(({ message_id }) => message_id);
    const sent = await sender.sendBatch(envelopes);
    assert.deepEqual(sent, { acknowledged: ids, others: [], attempts: 1 });
    const [single] = await sender.encrypt("CipherMQ-Receiver", ["by publish"]);
    assert.deepEqual((await sender.sendOne(single!)).acknowledged, [single!.message_id]);
    await receiver.receive(TEXTS.length + 1);
    // What is sent again is acknowledged again, and does not come again.
    assert.deepEqual((await sender.sendBatch(envelopes)).acknowledged, ids);
    const [last] = await sender.encrypt("CipherMQ-Receiver", ["last"]);
    await sender.sendOne(last!);
    await receiver.receive(TEXTS.length + 2);
    assert.equal(receiver.duplicates, 0);
    const texts = textsIn(workspace.path("received_messages.jsonl"));
    assert.deepEqual(texts, [...TEXTS, "by publish", "last"]);
  } finally {
    await receiver.close();
  }
});

Deno.test("an original sender gets its ACKs from a broker that was killed before it sent them", async () => {
  await using workspace = await Workspace.make({ clients: CLIENTS });
  workspace.plaintexts.push(...TEXTS.filter((text) => text.length > 3));
  const first = await workspace.serve();
  const receiver = await startReceiver(workspace);
  const sender = new OriginalSender(workspace.originalConfig("CipherMQ-Sender", NAMES));
  const envelopes = await sender.encrypt("CipherMQ-Receiver", TEXTS);
  await sender.sendBatch(envelopes);
  await receiver.receive(3);
  await first.kill();
  await receiver.close();
  await workspace.serve();
  const again = await startReceiver(workspace);
  try {
    const ids = envelopes.map(({ message_id }) => message_id);
    assert.deepEqual((await sender.sendBatch(envelopes)).acknowledged, ids);
    await again.receive(TEXTS.length - 3);
    assert.deepEqual(textsIn(workspace.path("received_messages.jsonl")), TEXTS);
  } finally {
    await again.close();
  }
});

Deno.test("original sender, our receive, each with its config.json as it stands", async () => {
  await using workspace = await Workspace.make({ clients: CLIENTS });
  workspace.plaintexts.push(...TEXTS.filter((text) => text.length > 3));
  await workspace.serve();
  workspace.originalConfig("CipherMQ-Receiver", NAMES);
  const receive = workspace.run([
    "receive",
    ...["--config", "CipherMQ-Receiver.json", "--count", `${TEXTS.length + 1}`, "--verbose"],
  ]);
  await receive.until("stderr", (lines) => lines.find((line) => line.startsWith("receiving as")));
  const sender = new OriginalSender(workspace.originalConfig("CipherMQ-Sender", NAMES));
  const envelopes = await sender.encrypt("CipherMQ-Receiver", TEXTS);
  const ids = envelopes.map(({ message_id }) => message_id);
  assert.deepEqual((await sender.sendBatch(envelopes)).acknowledged, ids);
  assert.deepEqual((await sender.sendBatch(envelopes)).acknowledged, ids);
  const [single] = await sender.encrypt("CipherMQ-Receiver", ["by publish"]);
  await sender.sendOne(single!);
  await receive.success();
  const texts = textsIn(workspace.path("data/received_messages.jsonl"));
  assert.deepEqual(texts, [...TEXTS, "by publish"]);
});

Deno.test("our send, original receiver, each with its config.json as it stands", async () => {
  await using workspace = await Workspace.make({ clients: CLIENTS });
  workspace.plaintexts.push(...TEXTS.filter((text) => text.length > 3));
  await workspace.serve();
  const receiver = await startReceiver(workspace);
  try {
    workspace.originalConfig("CipherMQ-Sender", NAMES);
    const send = workspace.run(["send", "--config", "CipherMQ-Sender.json", "--", ...TEXTS]);
    await send.success();
    await receiver.receive(TEXTS.length);
    const many = workspace.run(["send", "--config", "CipherMQ-Sender.json", "--count", "500"]);
    await many.success();
    await receiver.receive(TEXTS.length + 500);
    assert.equal(receiver.duplicates, 0);
    const texts = textsIn(workspace.path("received_messages.jsonl"));
    assert.deepEqual(texts.slice(0, TEXTS.length), TEXTS);
    assert.equal(texts.length, TEXTS.length + 500);
  } finally {
    await receiver.close();
  }
});
