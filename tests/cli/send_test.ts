/**
 * `ciphermq send` as its users run it, with the real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { queued } from "../support/commands.ts";
import { until } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";

const AS = ["--as", "sender_1", "--to", "receiver_1"];

function summaryOf(text: string): Record<string, number> {
  return JSON.parse(text);
}

/** Runs `send` to its end and gives what it said. */
async function send(workspace: Workspace, args: readonly string[], input?: string) {
  const server = ["--server", `127.0.0.1:${workspace.port}`];
  const program = workspace.run(["send", ...server, ...args]);
  if (input !== undefined) await program.write(input);
  await program.endInput();
  const { code } = await program.end();
  return { code, out: program.stdout.text, err: program.stderr.text };
}

/** Receives what is there and gives the texts. */
async function received(workspace: Workspace, count: number): Promise<string[]> {
  const server = ["--server", `127.0.0.1:${workspace.port}`];
  const limits = ["--count", String(count), "--timeout", "20", "--output", "-"];
  const program = workspace.run(["receive", "--as", "receiver_1", ...server, ...limits]);
  const { code } = await program.end();
  assert.equal(code, 0, program.stderr.text);
  return program.stdout.lines.map((line) => JSON.parse(line).message);
}

Deno.test("messages come from arguments, a file, samples or stdin, and the summary counts them", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const receiver = received(workspace, 9);
  Deno.writeTextFileSync(workspace.path("lines.txt"), "one\r\n\nthree ☃");
  const file = workspace.path("lines.txt");
  assert.equal((await send(workspace, ["hello", "world wide", ...AS])).code, 0);
  assert.equal((await send(workspace, ["--file", file, ...AS])).code, 0);
  const samples = await send(workspace, ["--count", "2", ...AS, "--json"]);
  const { sent, acknowledged, failed, resent } = summaryOf(samples.out);
  assert.deepEqual({ sent, acknowledged, failed, resent }, {
    sent: 2,
    acknowledged: 2,
    failed: 0,
    resent: 0,
  });
  const piped = await send(workspace, AS, "from stdin\nwithout an end");
  assert.match(piped.err, /^sent 2, acknowledged 2, resent 0 in /);
  assert.equal(piped.out, "");
  assert.deepEqual(await receiver, [
    ...["hello", "world wide", "one", "", "three ☃"],
    ...["sample message 1", "sample message 2", "from stdin", "without an end"],
  ]);
});

Deno.test("a receiver that does not come ends send with code 4 and nothing half sent; part of several with 7", async () => {
  await using workspace = await Workspace.make({ clients: ["sender_1", "receiver_1", "late"] });
  await workspace.serve();
  const alone = await send(workspace, ["x", ...AS, "--wait", "0.2"]);
  assert.equal(alone.code, 4);
  assert.match(alone.err, /waiting for receiver_1 to register its public key/);
  assert.match(alone.err, /error: 'receiver_1' has registered no public key\nhint: start the rece/);
  const receiver = received(workspace, 2);
  assert.equal((await send(workspace, ["first", ...AS])).code, 0);
  const both = ["second", "--as", "sender_1", "--to", "receiver_1,late", "--wait", "0.2"];
  const some = await send(workspace, [...both, "--json"]);
  assert.equal(some.code, 7, some.err);
  assert.equal(summaryOf(some.out).acknowledged, 1);
  assert.deepEqual(await receiver, ["first", "second"]);
});

Deno.test("what makes no sense is code 2, nobody listening 1, a stranger 3", async () => {
  await using workspace = await Workspace.make();
  const usage = [
    ["x", "--to", "receiver_1"],
    ["x", "--as", "sender_1"],
    ["x", ...AS, "--count", "3"],
    ["x", ...AS, "--wait", "soon"],
    ["x", ...AS, "--server", "nowhere"],
    ["x", "--as", "nobody", "--to", "receiver_1"],
    ["--file", "no-such-file", ...AS],
  ];
  const nothing = await send(workspace, ["x", ...AS, "--wait", "0.1"]);
  assert.equal(nothing.code, 1);
  assert.match(nothing.err, /nothing listens there/);
  await workspace.serve();
  const results = await Promise.all(usage.map((args) => send(workspace, args)));
  assert.deepEqual(results.map(({ code }) => code), usage.map(() => 2), JSON.stringify(results));
  // Its certificate is not from the authority that the client trusts.
  Deno.copyFileSync(workspace.path("certs/sender_1.crt"), workspace.path("certs/ca.crt"));
  const stranger = await send(workspace, ["x", ...AS]);
  assert.equal(stranger.code, 3, stranger.err);
});

Deno.test("config.json and the environment say what flags do not", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  workspace.originalConfig("sender_1");
  const receiver = received(workspace, 2);
  const byFile = workspace.run(["send", "by file", "--config", "sender_1.json"]);
  assert.equal((await byFile.end()).code, 0, byFile.stderr.text);
  const env = {
    CIPHERMQ_AS: "sender_1",
    CIPHERMQ_TO: "receiver_1",
    CIPHERMQ_SERVER: `127.0.0.1:${workspace.port}`,
  };
  const byEnvironment = workspace.run(["send", "by environment"], { env });
  assert.equal((await byEnvironment.end()).code, 0, byEnvironment.stderr.text);
  assert.deepEqual(await receiver, ["by file", "by environment"]);
});

Deno.test("an interrupt finishes what is under way and stops, although stdin is open", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const receiver = received(workspace, 1);
  const server = ["--server", `127.0.0.1:${workspace.port}`];
  const program = workspace.run(["send", ...AS, ...server, "--json"]);
  await program.write("one\n");
  assert.deepEqual(await receiver, ["one"]);
  program.signal("SIGINT");
  assert.equal((await program.end()).code, 0, program.stderr.text);
  assert.equal(summaryOf(program.stdout.text).acknowledged, 1);
});

Deno.test("an interrupt that leaves messages unsent is code 7, and says how many were sent", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const receiver = workspace.receive("--output", "-");
  const program = workspace.run(["send", ...AS, "--count", "10000000", "--json"]);
  await receiver.until("stdout", (lines) => lines[0]);
  program.signal("SIGTERM");
  assert.equal((await program.end()).code, 7, program.stderr.text);
  const { sent, acknowledged } = summaryOf(program.stdout.text);
  assert.equal(sent, acknowledged);
  assert.match(program.stderr.text, new RegExp(`error: interrupted: ${sent} messages were taken,`));
});

/** A broker whose `receiver_1` has a key and a queue with room for three messages. */
async function withSmallQueue(): Promise<Workspace> {
  const workspace = await Workspace.make();
  await workspace.serve();
  const receiver = received(workspace, 1);
  assert.equal((await send(workspace, ["first", ...AS])).code, 0);
  await receiver;
  const client = await workspace.connect("receiver_1");
  assert.equal(await client.ask("declare_queue receiver_1 max_messages=3"), "Queue declared");
  return workspace;
}

Deno.test("a full queue is waited for however long, said once, and then everything arrives in order", async () => {
  await using workspace = await withSmallQueue();
  const sender = workspace.send("--count", "10");
  const waiting = "queue 'receiver_1' is full (3 messages); waiting";
  await sender.until("stderr", (lines) => lines.includes(waiting) || undefined);
  const texts = Array.from({ length: 10 }, (_, n) => `sample message ${n + 1}`);
  assert.deepEqual(await received(workspace, 10), texts);
  await sender.success();
  assert.equal(sender.stderr.lines.filter((line) => line === waiting).length, 1);
});

Deno.test("a wait for room ends when --wait says so, and at an interrupt", async () => {
  await using workspace = await withSmallQueue();
  const hasty = await send(workspace, ["--count", "5", ...AS, "--wait", "0.3"]);
  assert.equal(hasty.code, 7);
  assert.match(
    hasty.err,
    /error: message 4 \(and 1 more\): the broker refused the message: queue 'receiver_1' is full/,
  );
  const patient = workspace.send("one more");
  await patient.until("stderr", (lines) => lines.find((line) => line.endsWith("; waiting")));
  patient.signal("SIGINT");
  await patient.until("stderr", (lines) => lines.find((line) => line.startsWith("finishing 1")));
  patient.signal("SIGINT");
  assert.equal((await patient.end()).code, 1);
});

Deno.test("a message with a time to live that nobody fetches in time becomes a dead letter", async () => {
  await using workspace = await withSmallQueue();
  assert.equal((await send(workspace, ["short", ...AS, "--ttl", "0.05"])).code, 0);
  const asked = ["dead-letters", "ls", "receiver_1", "--as", "receiver_1", "--json"];
  let letters: string[] = [];
  for (const endMs = performance.now() + 20_000; letters.length === 0;) {
    assert(performance.now() < endMs, "it expires");
    const list = workspace.run(asked);
    await list.success();
    letters = list.stdout.lines;
  }
  assert.equal(JSON.parse(letters[0]!).reason, "expired");
  for (const ttl of ["0", "-1", "soon"]) {
    assert.equal((await send(workspace, ["x", ...AS, "--ttl", ttl])).code, 2);
  }
});

Deno.test("a line that cannot be read ends send after those before it, with its number and code 7", async () => {
  await using workspace = await withSmallQueue();
  const latin = workspace.path("latin1.txt");
  Deno.writeFileSync(latin, Uint8Array.from([...new TextEncoder().encode("a\nb\nA"), 0xe4, 10]));
  const some = await send(workspace, ["--file", latin, ...AS]);
  assert.equal(some.code, 7, some.err);
  assert.match(some.err, /sent 2, acknowledged 2/);
  assert(some.err.includes(`error: cannot send line 3 of ${latin}: it is not UTF-8 text\n`));
  assert.match(some.err, /error: 2 messages were sent, and what came after them was not\nhint: /);
  assert.deepEqual(await received(workspace, 2), ["a", "b"]);
  Deno.writeFileSync(latin, Uint8Array.of(0xe4));
  const none = await send(workspace, ["--file", latin, ...AS]);
  assert.deepEqual([none.code, none.err.includes("cannot send line 1 of")], [2, true], none.err);
});

Deno.test("a line that is too long for the broker or the client is told by its number, with the bytes that fit", async () => {
  await using workspace = await withSmallQueue();
  const lines = (...bytes: number[]) => bytes.map((count) => `${"x".repeat(count)}\n`).join("");
  const fits = 786_132;
  const broker = await send(workspace, AS, lines(3, fits, fits + 300));
  assert.equal(broker.code, 7, broker.err);
  const refused =
    /error: line 3 of stdin: the broker refused the message: .*larger than 1048576 byt/;
  assert.match(broker.err, refused);
  assert.match(broker.err, new RegExp(`hint: at most ${fits} bytes of text fit\n`));
  assert.match(broker.err, /error: 1 of 3 messages were not acknowledged\nhint: /);
  const file = workspace.path("long.txt");
  Deno.writeTextFileSync(file, lines(3) + "x".repeat(7_000_000));
  const client = await send(workspace, ["--file", file, ...AS]);
  assert.equal(client.code, 7, client.err);
  assert.match(client.err, /error: cannot send line 2 of .*: it is longer than 6291156 bytes/);
});

Deno.test("an interrupt ends a wait for a receiver's key at once, with code 4 and what was not sent", async () => {
  await using workspace = await withSmallQueue();
  const sender = workspace.run(["send", "--as", "sender_1", "--to", "nobody", "one", "two"]);
  await sender.until("stderr", (lines) => lines.find((line) => line.startsWith("waiting for nob")));
  const beginMs = performance.now();
  sender.signal("SIGINT");
  assert.equal((await sender.end()).code, 4, sender.stderr.text);
  assert(performance.now() - beginMs < 10_000, "the 30 s of the wait are not waited for");
  assert.match(sender.stderr.text, /sent 2, acknowledged 0, resent 0, failed 2/);
  assert.match(
    sender.stderr.text,
    /error: interrupted before 'nobody' had registered a public key/,
  );
  const both = workspace.run(["send", "--as", "sender_1", "--to", "receiver_1,nobody", "x"]);
  await both.until("stderr", (lines) => lines.find((line) => line.startsWith("waiting for nob")));
  both.signal("SIGTERM");
  assert.equal((await both.end()).code, 7, both.stderr.text);
  assert.match(both.stderr.text, /error: 1 of 2 messages were not acknowledged/);
});

Deno.test("a message that waited too long is never delivered: a dead letter, or gone, as the queue says", async () => {
  await using workspace = await withSmallQueue();
  const client = await workspace.connect("receiver_1");
  for (const [expired, letters] of [["dead", 1], ["remove", 0]] as const) {
    const told = await client.ask(`declare_queue receiver_1 expired=${expired} max_messages=3`);
    assert.equal(told, "Queue declared");
    assert.equal((await send(workspace, ["short", ...AS, "--ttl", "0.05"])).code, 0);
    assert.equal((await send(workspace, ["long", ...AS, "--ttl", "3600"])).code, 0);
    await until("it expires", async () => await queued(client, "receiver_1") === 1);
    assert.deepEqual(await received(workspace, 1), ["long"]);
    assert.equal(await queued(client, "receiver_1"), 0);
    assert.equal(await queued(client, "receiver_1.dead"), letters);
    assert.match(await client.ask("purge receiver_1.dead force") ?? "", /^Queue purged: /);
  }
});
