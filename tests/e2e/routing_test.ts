/**
 * Which queues get a message, and how queues, exchanges and bindings go, with real processes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, envelopeText, messageId } from "../support/commands.ts";
import { declare, idsOf, publishAll, waitingIn } from "../support/queues.ts";
import { moment } from "../support/waiting.ts";
import type { RawClient } from "../support/raw_client.ts";
import { Workspace } from "../support/workspace.ts";

/** Says commands and expects the same reply to each. */
async function say(client: RawClient, reply: string, ...commands: readonly string[]) {
  for (const command of commands) assert.equal(await client.ask(command), reply, command);
}

/** Takes and acknowledges all that a queue has for the client. */
async function take(client: RawClient, queue: string): Promise<string[]> {
  const ids: string[] = [];
  while (true) {
    const line = await client.ask(`fetch ${queue}`);
    if (line === "No messages") return ids;
    ids.push(messageId(line));
    await say(client, `ACK_CONFIRMED ${ids.at(-1)}`, `ack ${ids.at(-1)}`);
  }
}

Deno.test("a topic exchange hands each queue what its patterns match, once, also after a restart", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const setup = await workspace.connect("receiver_1");
  await say(setup, "Exchange declared", "declare_exchange events topic");
  await say(setup, "Queue declared", ...["paid", "orders", "all"].map((q) => `declare_queue ${q}`));
  await say(
    setup,
    "Queue bound",
    "bind paid events orders.*.paid",
    "bind orders events orders.#",
    "bind orders events orders.*.paid",
    "bind all events #",
  );
  await broker.kill();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  const keys = ["orders.7.paid", "orders", "orders.7.8.paid", "Orders.7.paid", "users"];
  for (const key of keys) {
    await say(client, `ACK ${key}`, `publish events ${key} ${envelopeText(key)}`);
  }
  assert.deepEqual(await take(client, "paid"), ["orders.7.paid"]);
  assert.deepEqual(await take(client, "orders"), ["orders.7.paid", "orders", "orders.7.8.paid"]);
  assert.deepEqual(await take(client, "all"), keys);

  await say(client, "Queue unbound", "unbind all events #", "unbind all events #");
  assert.match(
    (await client.ask(`publish events users ${envelopeText("nowhere")}`))!,
    /^Error: no queue is bound to exchange 'events' with routing key 'users' for message nowhere$/,
  );
  // The other binding of that queue is still there.
  await say(client, "Queue unbound", "unbind orders events orders.#");
  await say(client, "ACK still", `publish events orders.1.paid ${envelopeText("still")}`);
  assert.deepEqual(await take(client, "orders"), ["still"]);
});

Deno.test("a fanout exchange hands a message to all its queues, each with an ack of its own", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await say(client, "Exchange declared", "declare_exchange news fanout");
  assert.match((await client.ask("declare_exchange news direct"))!, /^Error: .*already declared/);
  await say(client, "Queue declared", "declare_queue one", "declare_queue two max_messages=1");
  await say(client, "Queue bound", "bind one news x", "bind two news y");
  await say(client, "ACK m-0", `publish news whatever ${envelopeText("m-0")}`);
  assert.deepEqual(await take(client, "one"), ["m-0"]);
  // One of both is full: neither takes it.
  assert.match(
    (await client.ask(`publish news whatever ${envelopeText("m-1")}`))!,
    /^Error: queue 'two' is full .* for message m-1$/,
  );
  assert.deepEqual(await take(client, "one"), []);
  assert.deepEqual(await take(client, "two"), ["m-0"]);
  await say(client, "ACK m-1", `publish news whatever ${envelopeText("m-1")}`);
  assert.deepEqual(await take(client, "one"), ["m-1"]);
  assert.deepEqual(await take(client, "two"), ["m-1"]);
});

Deno.test("what is in use is deleted or purged only with force, and what is not there not at all", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  await declareQueues(client, "receiver_1");
  const sender = await workspace.connect("sender_1");
  await publishAll(sender, idsOf(3));
  const refused = async (command: string, why: RegExp) => {
    const reply = await client.ask(command);
    assert.match(reply!, /^Error: /, command);
    assert.match(reply!, why, command);
  };
  await refused("delete_queue receiver_1", /has 3 messages.*force/);
  await refused("delete_exchange ciphermq", /has 1 bindings.*force/);
  for (const command of ["delete_queue", "purge"]) await refused(`${command} nothing`, /no queue/);
  await refused("delete_exchange nothing", /no exchange/);
  await refused("unbind nothing ciphermq x", /no queue/);

  // What is held stays, and can be acknowledged.
  assert.equal(messageId(await client.ask("fetch receiver_1")), "m-0");
  await say(client, "Queue purged: 2", "purge receiver_1");
  await say(client, "ACK_CONFIRMED m-0", "ack m-0");
  await say(client, "Queue purged: 0", "purge receiver_1");

  await say(client, "Subscribed to queue", "consume receiver_1");
  await refused("purge receiver_1", /has 1 consumers.*force/);
  await refused("delete_queue receiver_1", /1 consumers.*force/);
  await say(client, "Queue purged: 0", "purge receiver_1 force");
  await publishAll(sender, ["dead"]);
  assert.equal(messageId(await client.line()), "dead");
  await say(client, "NACK_CONFIRMED dead", "nack dead dead");
  await refused("purge receiver_1.dead", /dead letters.*force/);
  await say(client, "Queue purged: 1", "purge receiver_1.dead force");

  await say(client, "Queue deleted", "delete_queue receiver_1 force");
  await refused("fetch receiver_1", /no queue/);
  await say(client, "Exchange deleted", "delete_exchange ciphermq");
  // Its consumer was of the queue that is gone.
  await declareQueues(client, "receiver_1");
  await publishAll(sender, ["new"]);
  assert.equal(messageId(await client.ask("fetch receiver_1")), "new");
});

for (
  const [what, command, reply] of [
    ["purge", "purge receiver_1", "Queue purged: 500"],
    ["deletion", "delete_queue receiver_1 force", "Queue deleted"],
  ] as const
) {
  Deno.test(`a broker killed amid a ${what} has all messages or none, and none once it said so`, async () => {
    await using workspace = await Workspace.make();
    let broker = await workspace.serve();
    for (let kill = 0; kill < 3; kill++) {
      const client = await workspace.connect("sender_1");
      // What the kill before left; there may be nothing.
      await client.ask("delete_queue receiver_1 force");
      await declare(client, "receiver_1");
      const ids = idsOf(500, `m-${kill}-`);
      await publishAll(client, ids);
      await client.write(`${command}\n`);
      if (kill === 0) assert.equal(await client.line(), reply);
      else await moment(10);
      await broker.kill();
      const replied = kill === 0 || (await client.rest()) !== "";

      broker = await workspace.serve();
      const after = await workspace.connect("sender_1");
      const isThere = await after.ask("fetch receiver_1") === "No messages";
      assert(isThere || what === "deletion", "a purged queue is gone");
      assert(!isThere || what === "purge" || !replied, "a deleted queue came back");
      await declare(after, "receiver_1");
      const left = await waitingIn(workspace);
      assert.deepEqual(left, replied || left.length === 0 ? [] : ids);
    }
  });
}
