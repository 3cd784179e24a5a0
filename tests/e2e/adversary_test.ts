/**
 * Certified clients that misbehave, against the real broker: refused or cut off, in bounded memory,
 * while others are served.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { consume, declareQueues, drain, messageId, publish, queued } from "../support/commands.ts";
import { residentBytes } from "../support/processes.ts";
import type { RawClient } from "../support/raw_client.ts";
import { Workspace } from "../support/workspace.ts";

const CLIENTS = ["sender_1", "receiver_1", "mallory"];
const MIB = 1024 * 1024;
/**
 * More than this none of these attacks may add to the broker's memory; a fifth of what it sends, or
 * of what it would have answered. Most of it is garbage that the collector has not taken yet.
 */
const MAX_GROWTH_BYTES = 600 * MIB;

/** Watches a process's memory while `attack` runs, and a client that must be answered meanwhile. */
async function attacked(
  pid: number,
  bystander: RawClient,
  attack: () => Promise<void>,
): Promise<void> {
  const before = residentBytes(pid) ?? 0;
  let most = before;
  let attacking = true;
  const watch = setInterval(() => most = Math.max(most, residentBytes(pid) ?? 0), 20);
  const served = (async () => {
    // At least once after it ended, too.
    for (let last = false; !last;) {
      last = !attacking;
      assert.equal(await bystander.ask("heartbeat"), "HEARTBEAT_OK");
      assert.equal(await bystander.ask("declare_queue receiver_1"), "Queue declared");
    }
  })();
  try {
    await attack();
  } finally {
    attacking = false;
    await served;
    clearInterval(watch);
  }
  const grownMib = Math.round((most - before) / MIB);
  assert(most - before < MAX_GROWTH_BYTES, `the broker took ${grownMib} MiB more`);
}

Deno.test("a client can neither take, ack nor shadow what is another's", async () => {
  await using workspace = await Workspace.make({ clients: CLIENTS });
  await workspace.serve();
  const receiver = await workspace.connect("receiver_1");
  const sender = await workspace.connect("sender_1");
  const mallory = await workspace.connect("mallory");
  await declareQueues(receiver, "receiver_1");
  const key = randomBytes(32).toString("base64");
  const evil = randomBytes(32).toString("base64");
  assert.equal(await receiver.ask(`register_key receiver_1 ${key}`), "Public key registered");
  assert.match((await mallory.ask(`register_key receiver_1 ${evil}`))!, /^Error registering key: /);
  assert.equal(await mallory.ask("get_key receiver_1"), `Public key: ${key}`);

  // The victim's id first, with other content, to the same queue.
  await mallory.write(publish("id-1", { filling: "!" }));
  assert.equal(await mallory.line(), "ACK id-1");
  await sender.write(publish("id-1") + publish("id-2"));
  assert.deepEqual(await sender.lines(2), ["ACK id-1", "ACK id-2"]);

  await consume(mallory);
  assert.equal(await mallory.ask("fetch receiver_1"), "No messages");
  for (const id of ["id-1", "id-2"]) assert.match((await mallory.ask(`ack ${id}`))!, /^Error: /);
  await consume(receiver);
  const messages = await receiver.lines(3);
  assert.deepEqual(messages.map(messageId), ["id-1", "id-1", "id-2"]);
  assert.notEqual(messages[0], messages[1]);
  // Also while they are leased to their receiver, and when they come back to the queue.
  for (const id of ["id-1", "id-2"]) assert.match((await mallory.ask(`ack ${id}`))!, /^Error: /);
  receiver.close();
  const again = await workspace.connect("receiver_1");
  await consume(again);
  assert.deepEqual((await again.lines(3)).map(messageId), ["id-1", "id-1", "id-2"]);
  for (const id of ["id-1", "id-1", "id-2"]) {
    assert.equal(await again.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
  }
  for (const id of ["id-1", "id-2"]) assert.match((await mallory.ask(`ack ${id}`))!, /^Error: /);
  // Nothing was pushed to mallory in all that time: the next line is this reply.
  assert.equal(await mallory.ask("heartbeat"), "HEARTBEAT_OK");
  assert.equal(await queued(mallory), 0);
});

Deno.test("nonsense is refused line by line, and what cannot be a line ends the connection", async (t) => {
  await using workspace = await Workspace.make({
    clients: CLIENTS,
    configuration: "[limits]\nline_timeout_ms = 1000\n",
  });
  const broker = await workspace.serve();
  const bystander = await workspace.connect("receiver_1");
  await declareQueues(bystander, "receiver_1");
  const bytes = (text: string) => new TextEncoder().encode(text);

  const lines: readonly (readonly [what: string, line: Uint8Array, reply: RegExp])[] = [
    ["bad UTF-8", Uint8Array.of(0x61, 0xff, 0xfe, 0x0a), /^Error: /],
    ["a surrogate as UTF-8", Uint8Array.of(0xed, 0xa0, 0x80, 0x0a), /^Error: /],
    ["NUL", bytes("declare_queue a\0b\n"), /^Error: /],
    ["a carriage return within", bytes("declare_queue a\rb\n"), /^Error: /],
    ["a control character", bytes("declare_queue \x1b[31mred\n"), /^Error: /],
    ["a long name", bytes(`declare_queue ${"q".repeat(100_000)}\n`), /^Error: /],
    [
      "JSON of a depth that breaks parsers",
      bytes(`publish ciphermq receiver_1 ${"[".repeat(MIB)}\n`),
      /^Invalid message format: /,
    ],
    [
      "a deep batch",
      bytes(`publish_batch ciphermq receiver_1 ${'{"a":['.repeat(200_000)}\n`),
      /^Invalid batch format: /,
    ],
    [
      "a field twice",
      bytes(publish("twice").replace("{", '{"message_id": "once", ')),
      /^Invalid message format: /,
    ],
    [
      "an envelope over the limit",
      bytes(publish("large", { bytes: MIB })),
      /^Invalid message format: /,
    ],
    ["__proto__", bytes("declare_queue __proto__\n"), /^Queue declared$/],
    ["constructor", bytes("fetch constructor\n"), /^Error: /],
  ];
  for (const [what, line, reply] of lines) {
    await t.step(what, async () => {
      const client = await workspace.connect("mallory");
      await attacked(broker.pid, bystander, async () => {
        await client.write(line);
        assert.match((await client.line())!, reply);
        assert.equal(await client.ask("heartbeat"), "HEARTBEAT_OK");
      });
      client.close();
    });
  }

  await t.step("a line that never ends is cut off at its limit", async () => {
    const client = await workspace.connect("mallory");
    await attacked(broker.pid, bystander, async () => {
      const piece = bytes("x".repeat(MIB));
      const written = (async (): Promise<never> => {
        while (true) await client.write(piece);
      })();
      const cutOff = assert.rejects(written);
      assert.match(await client.rest(), /^(Error: the line is longer than [0-9]+ bytes\n)?$/);
      await cutOff;
    });
  });

  await t.step("a line that is not finished in time is cut off", async () => {
    const client = await workspace.connect("mallory");
    await attacked(broker.pid, bystander, async () => {
      await client.write("declare_queue ");
      assert.equal(await client.rest(), "");
    });
  });

  for (const line of broker.stderr.lines) JSON.parse(line);
});

Deno.test("a client that floods without reading is stopped, in bounded memory", async () => {
  await using workspace = await Workspace.make({ clients: CLIENTS });
  const broker = await workspace.serve();
  const bystander = await workspace.connect("receiver_1");
  await declareQueues(bystander, "receiver_1");
  const commands = ["stats\n", "nonsense\n", "get_key nobody\n", "declare_queue receiver_1\n"];
  await attacked(broker.pid, bystander, async () => {
    const floods = commands.map(async (command) => {
      const client = await workspace.connect("mallory");
      return await stalledWrite(client, new TextEncoder().encode(command.repeat(10_000)));
    });
    for (const stalled of await Promise.all(floods)) assert(stalled, "nothing stopped the flood");
  });
});

/** Writes without reading until the broker takes no more; false if it takes a hundred MiB. */
async function stalledWrite(client: RawClient, data: Uint8Array): Promise<boolean> {
  for (let sent = 0; sent < 100 * MIB; sent += data.length) {
    const stalled = Promise.withResolvers<true>();
    const timer = setTimeout(() => stalled.resolve(true), 1000);
    const written = client.write(data).catch(() => {});
    const won = await Promise.race([written, stalled.promise]);
    clearTimeout(timer);
    if (won === true) return true;
  }
  return false;
}

Deno.test("a consumer that does not read holds up nobody, and loses nothing", async () => {
  await using workspace = await Workspace.make({
    clients: [...CLIENTS, "receiver_2"],
    configuration: "[limits]\nmax_cached_body_bytes = 4194304\n",
  });
  const broker = await workspace.serve();
  const bystander = await workspace.connect("receiver_2");
  await declareQueues(bystander, "receiver_1", "receiver_2");
  const sender = await workspace.connect("sender_1");
  const deaf = await workspace.connect("receiver_1");
  await deaf.write("consume receiver_1 10000\n");
  const ids = Array.from({ length: 240 }, (_, i) => `m-${i}`);
  await attacked(broker.pid, bystander, async () => {
    for (const id of ids) {
      await sender.write(publish(id, { bytes: MIB / 4 }));
      assert.equal(await sender.line(), `ACK ${id}`);
    }
  });
  deaf.close();
  await broker.event("disconnected");
  const receiver = await workspace.connect("receiver_1");
  await sender.write(publish("small", { receiver: "receiver_2" }));
  assert.equal(await sender.line(), "ACK small");
  await consume(bystander, "receiver_2");
  assert.equal(messageId(await bystander.line()), "small");
  assert.equal(await bystander.ask("ack small"), "ACK_CONFIRMED small");
  assert.deepEqual(await drain(receiver), ids);
});
