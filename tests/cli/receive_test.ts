/**
 * `ciphermq receive` as its users run it, with the real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Workspace } from "../support/workspace.ts";
import type { Program } from "../support/processes.ts";

function receive(workspace: Workspace, args: readonly string[]): Program {
  const server = ["--server", `127.0.0.1:${workspace.port}`];
  return workspace.run(["receive", "--as", "receiver_1", ...server, ...args]);
}

async function send(workspace: Workspace, args: readonly string[], input = ""): Promise<void> {
  const server = ["--server", `127.0.0.1:${workspace.port}`];
  const names = ["--as", "sender_1", "--to", "receiver_1"];
  const program = workspace.run(["send", ...names, ...server, ...args]);
  await program.write(input);
  await program.endInput();
  assert.equal((await program.end()).code, 0, program.stderr.text);
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n + 1));
}

function messagesIn(workspace: Workspace, file = "data/received_messages.jsonl"): string[] {
  const lines = Deno.readTextFileSync(workspace.path(file)).split("\n");
  assert.equal(lines.pop(), "");
  return lines.map((line) => JSON.parse(line).message);
}

Deno.test("each message becomes one line, in order, until the count is reached; the rest stays", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const first = receive(workspace, ["--count", "700", "--json"]);
  await send(workspace, [], numbers(1_000).join("\n"));
  assert.equal((await first.end()).code, 0, first.stderr.text);
  assert.deepEqual(JSON.parse(first.stdout.text), { received: 700, duplicates: 0, unopened: 0 });
  assert.deepEqual(messagesIn(workspace), numbers(700));
  const second = receive(workspace, ["--count", "300"]);
  assert.equal((await second.end()).code, 0, second.stderr.text);
  assert.match(
    second.stderr.text,
    /^received 300 to data\/received_messages\.jsonl, dropped 0 dup/,
  );
  assert.deepEqual(messagesIn(workspace), numbers(1_000));
});

Deno.test("a kill at any moment neither loses a line nor writes one twice", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const output = ["--output", "out/lines.jsonl"];
  let receiver = receive(workspace, [...output, "--verbose"]);
  await receiver.until("stderr", (lines) => lines.find((line) => line.startsWith("receiving as")));
  const sending = send(workspace, [], numbers(6_000).join("\n"));
  const size = () => Deno.statSync(workspace.path("out/lines.jsonl")).size;
  for (let kill = 1; kill <= 3; kill++) {
    const before = size();
    while (size() === before) await new Promise((resolve) => setTimeout(resolve, 1));
    await receiver.kill();
    receiver = receive(workspace, output);
  }
  await sending;
  const written = () => Deno.readTextFileSync(workspace.path("out/lines.jsonl")).split("\n").length;
  const endMs = performance.now() + 20_000;
  while (written() < 6_001 && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  receiver.signal("SIGTERM");
  assert.equal((await receiver.end()).code, 0, receiver.stderr.text);
  assert.deepEqual(messagesIn(workspace, "out/lines.jsonl"), numbers(6_000));
});

Deno.test("a broker that is restarted is found again by both sides", async () => {
  await using workspace = await Workspace.make();
  let broker = await workspace.serve();
  const receiver = receive(workspace, ["--count", "2000", "--output", "-"]);
  const server = ["--server", `127.0.0.1:${workspace.port}`];
  const sender = workspace.run(["send", "--as", "sender_1", "--to", "receiver_1", ...server]);
  await sender.write(numbers(1_000).map((line) => `${line}\n`).join(""));
  await receiver.until("stdout", (lines) => lines.length > 200 || undefined);
  await broker.kill();
  broker = await workspace.serve();
  await sender.write(numbers(2_000).slice(1_000).join("\n"));
  await sender.endInput();
  assert.equal((await sender.end()).code, 0, sender.stderr.text);
  assert.equal((await receiver.end()).code, 0, receiver.stderr.text);
  assert.deepEqual(receiver.stdout.lines.map((line) => JSON.parse(line).message), numbers(2_000));
});

Deno.test("a timeout is code 5, a request to stop 0, what cannot be opened 6", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const late = receive(workspace, ["--count", "1", "--timeout", "1"]);
  assert.equal((await late.end()).code, 5);
  assert.match(late.stderr.text, /error: the 1 s of --timeout are over: received 0 of 1 message$/m);
  const stopped = receive(workspace, ["--verbose"]);
  await stopped.until("stderr", (lines) => lines.find((line) => line.startsWith("receiving as")));
  stopped.signal("SIGTERM");
  assert.equal((await stopped.end()).code, 0, stopped.stderr.text);
  await send(workspace, ["sealed to the old key"]);
  workspace.addKeys("receiver_1");
  const other = receive(workspace, []);
  await other.until("stderr", (lines) => lines.find((line) => /cannot open/.test(line)));
  other.signal("SIGTERM");
  assert.equal((await other.end()).code, 6, other.stderr.text);
  await send(workspace, ["sealed to the new key"]);
  // What could not be opened is a dead letter by now, and not met again.
  const next = receive(workspace, ["--count", "1", "--timeout", "20"]);
  assert.equal((await next.end()).code, 0, next.stderr.text);
  assert.deepEqual(messagesIn(workspace), ["sealed to the new key"]);
});

Deno.test("a stop is obeyed while there is no broker, and a second receiver on one output is refused", async () => {
  await using workspace = await Workspace.make();
  const waiting = receive(workspace, []);
  await waiting.until(
    "stderr",
    (lines) => lines.find((line) => /nothing listens there/.test(line)),
  );
  const second = receive(workspace, []);
  assert.equal((await second.end()).code, 1);
  assert.match(second.stderr.text, /is in use\nhint: another receiver/);
  waiting.signal("SIGINT");
  assert.equal((await waiting.end()).code, 0, waiting.stderr.text);
});
