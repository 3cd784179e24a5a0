/**
 * `ciphermq dead-letters` as its users run it, with the real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { textsIn } from "../support/received.ts";
import type { Program } from "../support/processes.ts";
import { Workspace } from "../support/workspace.ts";

const AS = ["--as", "receiver_1"];

/** A broker with messages that the receiver refused, because they are sealed to a key it lost. */
async function withRefused(texts: readonly string[]): Promise<Workspace> {
  const workspace = await Workspace.make();
  await workspace.serve();
  const first = workspace.receive("--count", "1");
  await workspace.send("before").success();
  await first.success();
  await workspace.send(...texts).success();
  const key = workspace.path("certs/receiver_1_private.key");
  Deno.renameSync(key, workspace.path("certs/old.key"));
  workspace.addKeys("receiver_1");
  const receive = workspace.receive();
  const refusals = (lines: readonly string[]) =>
    lines.filter((line) => line.includes("becomes a dead letter")).length;
  await receive.until("stderr", (lines) => refusals(lines) === texts.length || undefined);
  receive.signal("SIGTERM");
  assert.equal((await receive.end()).code, 6, receive.stderr.text);
  return workspace;
}

async function deadLetters(workspace: Workspace, ...args: readonly string[]): Promise<Program> {
  const run = workspace.run(["dead-letters", ...args]);
  await run.end();
  return run;
}

async function listed(workspace: Workspace): Promise<Record<string, unknown>[]> {
  const run = await deadLetters(workspace, "ls", "receiver_1", ...AS, "--json");
  await run.success();
  return run.stdout.lines.map((line) => JSON.parse(line));
}

Deno.test("what could not be decrypted is listed with its reason, for people and as JSON", async () => {
  await using workspace = await withRefused(["one", "two"]);
  const letters = await listed(workspace);
  assert.deepEqual(
    letters.map(({ publisher, reason, deliveries, exchange, routing_key }) => {
      return { publisher, reason, deliveries, exchange, routing_key };
    }),
    [0, 1].map(() => ({
      publisher: "sender_1",
      reason: "rejected",
      deliveries: 1,
      exchange: "ciphermq",
      routing_key: "receiver_1",
    })),
  );
  assert.match(String(letters[0]!.reason_text), /^cannot open/);
  assert(Math.abs(Number(letters[0]!.timestamp) - Date.now() / 1000) < 600);
  const people = await deadLetters(workspace, "ls", "receiver_1", ...AS);
  assert.equal(people.stdout.lines.length, 3);
  assert.match(
    people.stdout.lines[0]!,
    /^SEQ +ID +PUBLISHER +REASON +DELIVERIES +WHEN +SIZE +EXCHANGE +KEY +TEXT$/,
  );
  assert(people.stdout.lines[1]!.includes(String(letters[0]!.message_id)));
  // Whom they are not addressed to sees none.
  const other = await deadLetters(workspace, "ls", "receiver_1", "--as", "sender_1");
  assert.equal(other.stdout.text, "");
  assert.match(other.stderr.text, /no dead letters of queue 'receiver_1' wait for this client/);
});

Deno.test("show opens what the key opens, and leaves every letter where it was", async () => {
  await using workspace = await withRefused(["one", "\u001b[2J two", "three"]);
  const before = await listed(workspace);
  const closed = await deadLetters(workspace, "show", "receiver_1", ...AS, "--json");
  await closed.success();
  for (const line of closed.stdout.lines) assert.match(JSON.parse(line).problem, /^cannot open/);
  const key = ["--private-key", "certs/old.key"];
  const open = await deadLetters(workspace, "show", "receiver_1", ...AS, ...key, "--json");
  await open.success();
  const shown = open.stdout.lines.map((line) => JSON.parse(line));
  assert.deepEqual(shown.map(({ message }) => message), ["one", "\u001b[2J two", "three"]);
  const id = String(before[1]!.message_id);
  const one = await deadLetters(workspace, "show", "receiver_1", ...AS, ...key, "--id", id);
  await one.success();
  assert.match(one.stdout.text, /^message +"\\u001b\[2J two"$/m);
  assert(!one.stdout.text.includes("\u001b"), "nothing steers the terminal");
  assert.equal(one.stdout.text.match(/^message_id /gm)?.length, 1);
  Deno.removeSync(workspace.path("certs/receiver_1_private.key"));
  const facts = await deadLetters(workspace, "show", "receiver_1", ...AS, "--json");
  assert.equal(facts.stdout.lines.length, 3);
  assert.match(facts.stderr.text, /there is no private key/);
  assert.deepEqual(await listed(workspace), before);
  const none = await deadLetters(workspace, "show", "receiver_1", ...AS, "--id", "no-such");
  assert.equal((await none.end()).code, 4);
});

Deno.test("a queue of dead letters has none, and the queue to name is said", async () => {
  await using workspace = await Workspace.make();
  const run = await deadLetters(workspace, "ls", "receiver_1.dead", ...AS);
  assert.equal((await run.end()).code, 2);
  assert.match(run.stderr.text, /hint: name the queue that they belong to: receiver_1\n/);
});

Deno.test("redrive puts one or all back in order, so that they are received like new ones", async () => {
  await using workspace = await withRefused(["one", "two", "three"]);
  Deno.renameSync(
    workspace.path("certs/old.key"),
    workspace.path("certs/receiver_1_private.key"),
  );
  const [, second] = await listed(workspace);
  const id = String(second!.message_id);
  const one = await deadLetters(workspace, "redrive", "receiver_1", ...AS, "--id", id);
  await one.success();
  assert.match(one.stderr.text, /^redrove 1 message to queue 'receiver_1'\n$/);
  const again = await deadLetters(workspace, "redrive", "receiver_1", ...AS, "--id", id);
  assert.equal((await again.end()).code, 4);
  const all = await deadLetters(workspace, "redrive", "receiver_1", ...AS, "--json");
  assert.deepEqual(JSON.parse(all.stdout.text), { redriven: 2, left: 0 });
  assert.deepEqual(await listed(workspace), []);
  const receive = workspace.receive("--count", "3", "--output", "again.jsonl");
  await receive.success();
  assert.deepEqual(textsIn(workspace.path("again.jsonl")), ["two", "one", "three"]);
});

Deno.test("purge needs --force, and then removes them", async () => {
  await using workspace = await withRefused(["one", "two"]);
  const timid = await deadLetters(workspace, "purge", "receiver_1", ...AS);
  assert.equal((await timid.end()).code, 2);
  assert.equal((await listed(workspace)).length, 2);
  const forced = await deadLetters(workspace, "purge", "receiver_1", ...AS, "--force", "--json");
  assert.deepEqual(JSON.parse(forced.stdout.text), { purged: 2 });
  assert.deepEqual(await listed(workspace), []);
  const unknown = await deadLetters(workspace, "purge", "no-queue", ...AS, "--force");
  assert.equal((await unknown.end()).code, 4);
});
