/**
 * `ciphermq stats` as its users run it, with the real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, publish } from "../support/commands.ts";
import { Workspace } from "../support/workspace.ts";

Deno.test("stats shows queues and counts, for people and as JSON", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const client = await workspace.connect("sender_1");
  await declareQueues(client, "receiver_1", "other");
  assert.equal(await client.ask(publish("m")), "ACK m");
  const people = workspace.run(["stats", "--as", "sender_1"]);
  await people.success();
  assert.deepEqual(people.stdout.lines.slice(0, 4), [
    "QUEUE       MESSAGES  CONSUMERS",
    "other              0          0",
    "receiver_1         1          0",
    "",
  ]);
  assert.match(people.stdout.text, /^connected clients +2$/m);
  assert.match(people.stdout.text, /^sent +1$/m);
  assert.equal(people.stderr.text, "");
  const json = workspace.run(["stats", "--as", "sender_1", "--json"]);
  await json.success();
  const { queues, message_status_counts } = JSON.parse(json.stdout.text);
  assert.deepEqual(new Map(queues), new Map([["receiver_1", 1], ["other", 0]]));
  assert.equal(message_status_counts.sent, 1);
});

Deno.test("stats without a broker fails at once and says so", async () => {
  await using workspace = await Workspace.make();
  const run = workspace.run(["stats", "--as", "sender_1"]);
  assert.equal((await run.end()).code, 1);
  assert.match(run.stderr.text, /nothing listens there/);
});
