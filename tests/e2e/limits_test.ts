/**
 * What an operator's limits mean for clients, with real processes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declare, idsOf, publishAll, pushed } from "../support/queues.ts";
import { textsOf } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

const LIMITS = "[limits]\ndefault_prefetch = 3\nmax_prefetch = 5\n" +
  "max_queue_messages = 50\nmax_queue_bytes = 100000\n";

Deno.test("an operator's limits are ceilings for what clients declare and ask for, and are counted", async () => {
  await using workspace = await Workspace.make({ configuration: LIMITS });
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  for (const option of ["max_messages=51", "max_bytes=100001"]) {
    assert.match(
      (await client.ask(`declare_queue receiver_1 ${option}`))!,
      /^Error: max_\w+ is above the broker's limit of \d+$/,
    );
  }
  await declare(client, "receiver_1", "max_messages=50 max_bytes=100000");
  await publishAll(await workspace.connect("sender_1"), idsOf(10));
  assert.equal(await client.ask("consume receiver_1 999999999"), "Subscribed to queue");
  assert.deepEqual(await pushed(client, 5), idsOf(5));
  assert.equal(await client.ask("heartbeat"), "HEARTBEAT_OK", "no sixth one came");
  const stats = workspace.run(["stats", "--as", "receiver_1"]);
  await stats.success();
  assert.match(stats.stdout.text, /^refused limit +2$/m);
});

Deno.test("a receiver works as it stands with a broker that allows it little under way", async () => {
  await using workspace = await Workspace.make({ configuration: LIMITS });
  await workspace.serve();
  const receive = workspace.receive("--count", "20", "--output", "-");
  const texts = idsOf(20, "text ");
  const send = workspace.send();
  await send.write(`${texts.join("\n")}\n`);
  await send.endInput();
  await send.success();
  await receive.success();
  assert.deepEqual(textsOf(receive.stdout.lines), texts);
});

Deno.test("dead letters of a queue that is not there are an error, in the protocol and for operators", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("receiver_1");
  for (const command of ["dead_letters nowhere", "redrive nowhere"]) {
    assert.equal(await client.ask(command), "Error: no queue 'nowhere'; declare it first");
  }
  const ls = workspace.run(["dead-letters", "ls", "nowhere", "--as", "receiver_1"]);
  assert.equal((await ls.end()).code, 4);
  assert.match(ls.stderr.text, /no queue 'nowhere'/);
  await declare(client, "receiver_1");
  assert.equal(await client.ask("dead_letters receiver_1"), "Dead letters: []");
  assert.equal(await client.ask("redrive receiver_1"), "Redriven: 0");
});
