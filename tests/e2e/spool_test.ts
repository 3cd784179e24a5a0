/**
 * Senders with a spool, killed in the middle of their work: what they said that they took arrives,
 * each message once and in order.
 *
 * @module
 */
import assert from "node:assert/strict";
import { textsIn } from "../support/received.ts";
import type { Program } from "../support/processes.ts";
import { moment, until } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";

const OUTPUT = "received.jsonl";
const LINES = 20_000;
const SPOOL = ["--spool", "spool", "--json"];

function linesOf(run: number): string[] {
  return Array.from({ length: LINES }, (_, n) => `${run} ${n}`);
}

/** How many messages a sender said that it took. */
function takenBy({ stdout }: Program): number {
  const told = stdout.lines.map((line) => JSON.parse(line).taken).filter((n) => n !== undefined);
  assert.deepEqual(told, told.toSorted((a, b) => a - b));
  return told.at(-1) ?? 0;
}

/** Starts a sender with more lines than it can send before it is killed. */
async function startSender(workspace: Workspace, run: number): Promise<Program> {
  const send = workspace.send(...SPOOL);
  void send.write(`${linesOf(run).join("\n")}\n`).catch(() => {});
  await send.until("stdout", (lines) => lines.find((line) => line.includes("taken")));
  return send;
}

Deno.test("killed at any moment, with or without a broker, a sender with a spool loses and doubles nothing", async () => {
  await using workspace = await Workspace.make();
  let broker = await workspace.serve();
  const receive = workspace.receive("--output", OUTPUT);
  const taken: number[] = [];
  for (let run = 0; run < 8; run++) {
    const send = await startSender(workspace, run);
    if (run % 4 === 1) {
      // What it takes from now on can only go to the spool.
      await broker.kill();
      await moment(30);
    }
    await moment(120);
    await send.kill();
    taken.push(takenBy(send));
    if (run % 4 === 1) broker = await workspace.serve();
  }
  const rest = workspace.send(...SPOOL);
  await rest.endInput();
  await rest.success();
  const { spooled, sent, failed } = JSON.parse(rest.stdout.lines.at(-1)!);
  assert.deepEqual({ spooled, sent, failed }, { spooled: 0, sent: 0, failed: 0 });
  // What is sent last is received last: the order of one sender holds from run to run.
  await workspace.send("the end").success();
  await until("the end", () => textsIn(workspace.path(OUTPUT)).at(-1) === "the end");
  receive.signal("SIGTERM");
  await receive.success();
  const received = textsIn(workspace.path(OUTPUT)).slice(0, -1);
  const arrived = taken.map((count, run) => {
    const ofRun = received.filter((text) => text.startsWith(`${run} `)).length;
    assert(ofRun >= count, `of run ${run} ${ofRun} arrived, and ${count} were taken`);
    return ofRun;
  });
  // Each run's lines from its first on, each once, run after run.
  assert.deepEqual(received, arrived.flatMap((count, run) => linesOf(run).slice(0, count)));
  assert(taken.every((count) => count > 0), `taken: ${taken}`);
});

Deno.test("an interrupted sender with a spool ends at once, says that it read more than it took, and the next one sends what it took", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const first = workspace.receive("--output", OUTPUT, "--count", "1");
  await workspace.send("first").success();
  await first.success();
  const send = await startSender(workspace, 0);
  await broker.kill();
  await send.until("stderr", (lines) => lines.find((line) => line.includes("trying again")));
  send.signal("SIGINT");
  assert.equal((await send.end()).code, 7);
  const { spooled, failed } = JSON.parse(send.stdout.lines.at(-1)!);
  const count = takenBy(send);
  assert.equal(failed, 0);
  assert(spooled > 0 && spooled <= count, `${spooled} of ${count}`);
  await workspace.serve();
  const next = workspace.send("--spool", "spool", "last");
  await next.success();
  assert.match(next.stderr.text, new RegExp(`^sending ${spooled} messages from spool first\n`));
  const rest = workspace.receive("--output", OUTPUT, "--count", String(count + 1));
  await rest.success();
  const lines = linesOf(0).slice(0, count);
  assert.deepEqual(textsIn(workspace.path(OUTPUT)), ["first", ...lines, "last"]);
});
