/**
 * Who gets a message, for how long, and who gets it then, with real processes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { consume, declareQueues, envelopeText, messageId, publish } from "../support/commands.ts";
import {
  deadLetters,
  declare,
  idsOf,
  killAmid,
  publishAll,
  pushed,
  waitingIn,
} from "../support/queues.ts";
import type { RawClient } from "../support/raw_client.ts";
import { textsIn } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

/** The next line that begins so; others are passed over. */
async function next(client: RawClient, beginning: string): Promise<string> {
  while (true) {
    const [line] = await client.lines(1);
    if (line!.startsWith(beginning)) return line!;
  }
}

Deno.test("consumers of one identity share a queue, and what one leaves comes to the other first", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const sender = await workspace.connect("sender_1");
  await declareQueues(sender, "receiver_1");
  const one = await workspace.connect("receiver_1");
  const two = await workspace.connect("receiver_1");
  for (const client of [one, two]) {
    assert.equal(await client.ask("consume receiver_1 2"), "Subscribed to queue");
  }
  const ids = idsOf(8);
  await publishAll(sender, ids);
  const ofOne = await pushed(one, 2);
  const ofTwo = await pushed(two, 2);
  assert.deepEqual([...ofOne, ...ofTwo].sort(), ids.slice(0, 4));
  one.close();
  await broker.event("disconnected");
  await two.write(ofTwo.map((id) => `ack ${id}\n`).join(""));
  for (const expected of [...ofOne, ...ids.slice(4)]) {
    assert.equal(messageId(await next(two, "Message: ")), expected);
    await two.write(`ack ${expected}\n`);
  }
  await next(two, "ACK_CONFIRMED m-7");
  assert.deepEqual(await waitingIn(workspace), []);
});

Deno.test("a slow consumer takes what it has credit for, and a fast one all the rest", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const slow = await workspace.connect("receiver_1");
  await declareQueues(slow, "receiver_1");
  assert.equal(await slow.ask("consume receiver_1 1"), "Subscribed to queue");
  const ids = idsOf(200);
  await publishAll(await workspace.connect("sender_1"), ids);
  assert.deepEqual(await pushed(slow, 1), ["m-0"]);
  const fast = await workspace.connect("receiver_1");
  await consume(fast);
  assert.deepEqual(await pushed(fast, 199), ids.slice(1));
  for (const id of ids.slice(1)) assert.equal(await fast.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
  assert.equal(await slow.ask("ack m-0"), "ACK_CONFIRMED m-0");
  assert.deepEqual(await waitingIn(workspace), []);
});

Deno.test("a receiver that is away holds up nobody else in its queue, and misses nothing", async () => {
  await using workspace = await Workspace.make({
    clients: ["sender_1", "receiver_1", "receiver_2"],
  });
  await workspace.serve();
  const sender = await workspace.connect("sender_1");
  await declare(sender, "shared");
  const ids = idsOf(10);
  const receiverOf = (at: number) => at % 2 === 0 ? "receiver_1" : "receiver_2";
  for (const [at, id] of ids.entries()) {
    const envelope = envelopeText(id, { receiver: receiverOf(at) });
    assert.equal(await sender.ask(`publish ciphermq shared ${envelope}`), `ACK ${id}`);
  }
  for (const receiver of ["receiver_2", "receiver_1"]) {
    const client = await workspace.connect(receiver);
    await consume(client, "shared");
    const own = ids.filter((_, at) => receiverOf(at) === receiver);
    assert.deepEqual(await pushed(client, own.length), own);
    for (const id of own) assert.equal(await client.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
    client.close();
  }
});

Deno.test("a message that is held for longer than the ack timeout goes to another, and a late ack counts", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const holder = await workspace.connect("receiver_1");
  await declare(holder, "receiver_1", "ack_timeout_ms=300");
  await publishAll(await workspace.connect("sender_1"), ["held"]);
  const first = await holder.ask("fetch receiver_1");
  assert.equal(messageId(first), "held");
  const beganMs = performance.now();
  const other = await workspace.connect("receiver_1");
  await consume(other);
  assert.equal(await other.line(), first);
  assert(performance.now() - beganMs > 200, "not before its time");
  assert.equal(await holder.ask("ack held"), "ACK_CONFIRMED held");
  // It is gone: neither of the two gets it again, and the other's ack is confirmed all the same.
  await other.write("ack held\n");
  assert.equal(await next(other, "ACK_CONFIRMED "), "ACK_CONFIRMED held");
  assert.equal(await holder.ask("fetch receiver_1"), "No messages");
  assert.deepEqual(await waitingIn(workspace), []);
});

Deno.test("touch keeps a delivery beyond the ack timeout, and only for as long as it is said", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const holder = await workspace.connect("receiver_1");
  await declare(holder, "receiver_1", "ack_timeout_ms=1500");
  await publishAll(await workspace.connect("sender_1"), ["kept"]);
  assert.equal(messageId(await holder.ask("fetch receiver_1")), "kept");
  const other = await workspace.connect("receiver_1");
  await consume(other);
  const came = other.line();
  let comes = false;
  void came.then(() => comes = true);
  for (let touches = 0; touches < 8; touches++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert(!comes, "it went to another although it was touched");
    assert.equal(await holder.ask("touch kept"), "TOUCHED kept");
  }
  assert.equal(messageId(await came), "kept");
  assert.match((await holder.ask("touch kept"))!, /^Error: /);
});

Deno.test("what is given back comes again before all that is newer", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await declareQueues(client, "receiver_1");
  await publishAll(await workspace.connect("sender_1"), ["m-0", "m-1", "m-2"]);
  for (const word of ["", " again"]) {
    assert.equal(messageId(await client.ask("fetch receiver_1")), "m-0");
    assert.equal(await client.ask(`nack m-0${word}`), "NACK_CONFIRMED m-0");
  }
  assert.equal(messageId(await client.ask("fetch receiver_1")), "m-0");
  assert.equal(messageId(await client.ask("fetch receiver_1")), "m-1");
  const other = await workspace.connect("receiver_1");
  assert.match((await other.ask("nack m-0 dead not yours"))!, /^Error: /);
  assert.equal(await client.ask("nack m-1"), "NACK_CONFIRMED m-1");
  assert.deepEqual(await deadLetters(client, "receiver_1"), []);
});

Deno.test("a sender waits while a queue is full, says so, and goes on when there is room", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const first = workspace.receive("--count", "1");
  await workspace.send("first").success();
  await first.success();
  const client = await workspace.connect("receiver_1");
  await declare(client, "receiver_1", "max_messages=3");
  const texts = idsOf(10, "text ");
  const send = workspace.send("--json");
  await send.write(`${texts.join("\n")}\n`);
  await send.endInput();
  await send.until(
    "stderr",
    (lines) => lines.find((line) => /queue 'receiver_1' is full .*; waiting/.test(line)),
  );
  const sender = await workspace.connect("sender_1");
  await sender.write(publish("too-many"));
  assert.match(
    (await sender.line())!,
    /^Error: queue 'receiver_1' is full \(3 messages\); try again later for message too-many$/,
  );
  const receive = workspace.receive("--count", "10", "--output", "all.jsonl");
  await receive.success();
  await send.success();
  const { sent, acknowledged } = JSON.parse(send.stdout.text);
  assert.deepEqual({ sent, acknowledged }, { sent: 10, acknowledged: 10 });
  assert.deepEqual(textsIn(workspace.path("all.jsonl")), texts);
});

Deno.test("what is in flight behind a message that found no room does not overtake it when there is some", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await declare(client, "receiver_1", "max_messages=2");
  const sender = await workspace.connect("sender_1");
  await publishAll(sender, ["m-0", "m-1"]);
  const full = /^Error: queue 'receiver_1' is full \(2 messages\); try again later for message /;
  assert.match((await sender.ask(publish("m-2").trimEnd()))!, full);
  await consume(client);
  assert.deepEqual(await pushed(client, 2), ["m-0", "m-1"]);
  for (const id of ["m-0", "m-1"]) {
    assert.equal(await client.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
  }
  assert.match((await sender.ask(publish("m-3").trimEnd()))!, full);
  await publishAll(sender, ["m-2", "m-3"]);
  assert.deepEqual(await pushed(client, 2), ["m-2", "m-3"]);
});

Deno.test("what is sent through a queue that is full again and again comes in the order it was sent", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const first = workspace.receive("--count", "1");
  await workspace.send("first").success();
  await first.success();
  const client = await workspace.connect("receiver_1");
  await declare(client, "receiver_1", "max_messages=60");
  const texts = idsOf(600, "line ");
  const send = workspace.send();
  await send.write(`${texts.join("\n")}\n`);
  await send.endInput();
  await send.until("stderr", (lines) => lines.find((line) => / is full .*; waiting/.test(line)));
  const receive = workspace.receive(
    ...["--count", "600", "--prefetch", "20", "--output", "all.jsonl"],
  );
  await receive.success();
  await send.success();
  assert.deepEqual(textsIn(workspace.path("all.jsonl")), texts);
});

Deno.test("a broker killed amid acks delivers again exactly what was not acknowledged, in order", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await declareQueues(client, "receiver_1");
  const ids = idsOf(100);
  await publishAll(await workspace.connect("sender_1"), ids);
  await consume(client);
  assert.deepEqual(await pushed(client, 100), ids);
  const replies = await killAmid(broker, client, ids.map((id) => `ack ${id}`));
  assert.deepEqual(replies, ids.slice(0, replies.length).map((id) => `ACK_CONFIRMED ${id}`));
  assert(replies.length < 100, "the kill met no lease");
  await workspace.serve();
  const left = await waitingIn(workspace);
  assert(left.length <= 100 - replies.length, "what was acknowledged came again");
  assert.deepEqual(left, ids.slice(100 - left.length));
});
