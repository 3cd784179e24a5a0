/**
 * Messages that become dead letters, and brokers killed while they do, with real processes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { consume, declareQueues, messageId, publish, queued } from "../support/commands.ts";
import { makeKeys, pythonJson, readKeys, seal } from "../support/original_protocol.ts";
import {
  deadLetters,
  declare,
  eventually,
  idsOf,
  killAmid,
  type ListedLetter,
  publishAll,
  pushed,
  waitingIn,
} from "../support/queues.ts";
import type { RawClient } from "../support/raw_client.ts";
import { textsOf } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

/** The first dead letter of `receiver_1`, as soon as there is one. */
function firstDeadLetter(client: RawClient): Promise<ListedLetter> {
  return eventually("a dead letter", async () => (await deadLetters(client, "receiver_1"))[0]);
}

/** A broker whose queue `receiver_1` has 100 messages that `receiver_1` holds. */
async function withHeld(workspace: Workspace): Promise<{ client: RawClient; ids: string[] }> {
  const client = await workspace.connect("receiver_1");
  await declareQueues(client, "receiver_1");
  const ids = idsOf(100);
  await publishAll(await workspace.connect("sender_1"), ids);
  await consume(client);
  assert.deepEqual(await pushed(client, ids.length), ids);
  return { client, ids };
}

/** The ids among the dead letters of `receiver_1`, on a connection of its own. */
async function deadIn(workspace: Workspace): Promise<string[]> {
  const client = await workspace.connect("receiver_1");
  const letters = await deadLetters(client, "receiver_1");
  client.close();
  return letters.map(({ id }) => id);
}

Deno.test("a poison message becomes a dead letter at once with its reason, and the next is received", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const sender = await workspace.connect("sender_1");
  await declareQueues(sender, "receiver_1");
  const own = readKeys(workspace.path("certs"), "receiver_1").publicKey;
  const others = makeKeys();
  const publishSealed = async (id: string, key: Uint8Array) => {
    const envelope = pythonJson(seal(`text of ${id}`, id, "receiver_1", key));
    assert.equal(await sender.ask(`publish ciphermq receiver_1 ${envelope}`), `ACK ${id}`);
  };
  await publishSealed("poison", others.publicKey);
  await publishSealed("good", own);
  const receive = workspace.receive("--count", "1", "--output", "-");
  assert.equal((await receive.end()).code, 6);
  assert.deepEqual(textsOf(receive.stdout.lines), ["text of good"]);
  assert.match(receive.stderr.text, /^error: message poison becomes a dead letter: cannot open/m);
  const receiver = await workspace.connect("receiver_1");
  const [letter, ...more] = await deadLetters(receiver, "receiver_1");
  assert.deepEqual(more, []);
  const { id, reason, text, deliveries, publisher, queue, exchange, routing_key } = letter!;
  assert.deepEqual(
    { id, reason, deliveries, publisher, queue, exchange, routing_key },
    {
      id: "poison",
      reason: "rejected",
      deliveries: 1,
      publisher: "sender_1",
      queue: "receiver_1",
      exchange: "ciphermq",
      routing_key: "receiver_1",
    },
  );
  assert.match(text, /^cannot open/);

  const list = workspace.run(["dead-letters", "ls", "receiver_1", "--as", "receiver_1"]);
  await list.success();
  assert.match(list.stdout.lines[1]!, /\bpoison\b.*\brejected\b/);
  const redrive = workspace.run(["dead-letters", "redrive", "receiver_1", "--as", "receiver_1"]);
  await redrive.success();
  assert.deepEqual(await deadLetters(receiver, "receiver_1"), []);
  assert.equal(messageId(await receiver.ask("fetch receiver_1")), "poison");
});

Deno.test("a rejected message is a dead letter with the words of its receiver, which can still take it", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await declareQueues(client, "receiver_1");
  await publishAll(await workspace.connect("sender_1"), ["m-0"]);
  const body = await client.ask("fetch receiver_1");
  assert.equal(await client.ask("nack m-0 dead no such order"), "NACK_CONFIRMED m-0");
  const [letter] = await deadLetters(client, "receiver_1");
  assert.deepEqual([letter!.id, letter!.reason, letter!.text], [
    "m-0",
    "rejected",
    "no such order",
  ]);
  assert(Math.abs(letter!.at_ms - Date.now()) < 60_000);
  assert.deepEqual(await deadLetters(await workspace.connect("sender_1"), "receiver_1"), []);
  assert.equal(await client.ask("fetch receiver_1"), "No messages");
  assert.equal(await client.ask("fetch receiver_1.dead"), body);
  assert.equal(await client.ask("ack m-0"), "ACK_CONFIRMED m-0");
  assert.deepEqual(await deadLetters(client, "receiver_1"), []);
});

Deno.test("a message that outlived its deliveries is a dead letter, also when only connections ended", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const watcher = await workspace.connect("receiver_1");
  await declare(watcher, "receiver_1", "max_deliveries=2");
  await publishAll(await workspace.connect("sender_1"), ["m-0"]);
  for (let delivery = 0; delivery < 2; delivery++) {
    const client = await workspace.connect("receiver_1");
    await consume(client);
    assert.deepEqual(await pushed(client, 1), ["m-0"]);
    client.close();
  }
  const letter = await firstDeadLetter(watcher);
  assert.deepEqual(
    [letter.id, letter.reason, letter.deliveries],
    ["m-0", "max_deliveries", 2],
  );
  assert.equal(await watcher.ask("redrive receiver_1"), "Redriven: 1");
  assert.equal(messageId(await watcher.ask("fetch receiver_1")), "m-0");
});

Deno.test("what waited too long is a dead letter, or removed, as its queue says; what is held is not", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  const sender = await workspace.connect("sender_1");
  await declare(client, "receiver_1", "ttl_ms=60000");
  await sender.write(publish("held") + publish("lasting"));
  assert.deepEqual(await sender.lines(2), ["ACK held", "ACK lasting"]);
  assert.equal(messageId(await client.ask("fetch receiver_1")), "held");
  const short = publish("short").replace("\n", " ttl_ms=50\n");
  await sender.write(short);
  assert.equal(await sender.line(), "ACK short");
  const letter = await firstDeadLetter(client);
  assert.deepEqual([letter.id, letter.reason, letter.deliveries], ["short", "expired", 0]);
  assert.equal(await client.ask("ack held"), "ACK_CONFIRMED held");

  assert.equal(await client.ask("declare_queue receiver_1 expired=remove"), "Queue declared");
  await sender.write(publish("gone").replace("\n", " ttl_ms=50\n"));
  assert.equal(await sender.line(), "ACK gone");
  await eventually("its removal", async () => await queued(client) === 2 || undefined);
  assert.deepEqual((await deadLetters(client, "receiver_1")).map(({ id }) => id), ["short"]);
  assert.equal(messageId(await client.ask("fetch receiver_1")), "lasting");
});

Deno.test("a broker killed amid rejections has each message once, rejected or waiting", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const { client, ids } = await withHeld(workspace);
  const replies = await killAmid(broker, client, ids.map((id) => `nack ${id} dead because`));
  assert.deepEqual(replies, ids.slice(0, replies.length).map((id) => `NACK_CONFIRMED ${id}`));
  assert(replies.length < ids.length, "the kill came too late");
  await workspace.serve();
  const dead = await deadIn(workspace);
  assert(dead.length >= replies.length, "a confirmed rejection is gone");
  assert.deepEqual(dead, ids.slice(0, dead.length));
  assert.deepEqual(await waitingIn(workspace), ids.slice(dead.length));
});

Deno.test("a broker killed amid redriving has each message once, redriven or dead", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const { client, ids } = await withHeld(workspace);
  await client.write(ids.map((id) => `nack ${id} dead\n`).join(""));
  assert.deepEqual(await client.lines(ids.length), ids.map((id) => `NACK_CONFIRMED ${id}`));
  client.close();
  const operator = await workspace.connect("receiver_1");
  const commands = ids.map((id) => `redrive receiver_1 ${id}`);
  const replies = await killAmid(broker, operator, commands);
  assert.deepEqual(replies, replies.map(() => "Redriven: 1"));
  assert(replies.length < ids.length, "the kill came too late");
  await workspace.serve();
  const dead = await deadIn(workspace);
  assert(ids.length - dead.length >= replies.length, "a confirmed redrive is undone");
  assert(dead.length > 0, "what was a dead letter is none after a restart");
  assert.deepEqual(dead, ids.slice(ids.length - dead.length));
  assert.deepEqual(await waitingIn(workspace), ids.slice(0, ids.length - dead.length));
});
