/**
 * Clients killed in the middle of their work: each line is written once, and what a sender said that
 * it sent is there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { queued } from "../support/commands.ts";
import { textsIn } from "../support/received.ts";
import { moment, numberedLines, sizeOf, until } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";

const OUTPUT = "received.jsonl";
const RECEIVER_KILLS = 8;
const SENDER_KILLS = 4;

Deno.test(`a receiver killed ${RECEIVER_KILLS} times writes each line once, whole and in order`, async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const output = workspace.path(OUTPUT);
  const lines = numberedLines(RECEIVER_KILLS * 2500);
  let receive = workspace.receive("--output", OUTPUT);
  const send = workspace.send();
  await send.write(`${lines.join("\n")}\n`);
  await send.endInput();
  for (let kill = 0; kill < RECEIVER_KILLS; kill++) {
    const before = sizeOf(output);
    await until("more lines", () => sizeOf(output) > before);
    await moment(40);
    await receive.kill();
    // The end of a line that a power cut left unfinished.
    if (kill % 2 === 0) Deno.writeTextFileSync(output, '{"message_id": "torn', { append: true });
    receive = workspace.receive("--output", OUTPUT);
  }
  await send.success();
  await until("the last line", () => Deno.readTextFileSync(output).includes(`"${lines.at(-1)}"`));
  receive.signal("SIGTERM");
  await receive.success();
  assert.deepEqual(textsIn(output), lines);
});

Deno.test("of a killed sender the first messages are there, each once, and as many as it said", async (t) => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const output = workspace.path(OUTPUT);
  const receive = workspace.receive("--output", OUTPUT);
  const input = numberedLines(50_000);
  for (let kill = 0; kill < SENDER_KILLS; kill++) {
    const signal = kill % 2 === 0 ? "SIGKILL" : "SIGTERM";
    await t.step(`run ${kill}: ${signal}`, async () => {
      const before = sizeOf(output);
      const beforeLines = textsIn(output).length;
      const send = workspace.send("--json");
      // It may be gone before it has read everything.
      const feeding = send.write(`${input.join("\n")}\n`).catch(() => {});
      await until("its first lines", () => sizeOf(output) > before);
      send.signal(signal);
      const status = await send.end();
      await feeding;
      await settled(workspace);
      const received = textsIn(output).slice(beforeLines);
      assert(received.length > 0 && received.length < input.length, `${received.length} lines`);
      assert.deepEqual(received, input.slice(0, received.length));
      if (signal === "SIGKILL") return;
      assert.equal(status.signal, null);
      assert.equal(JSON.parse(send.stdout.text).acknowledged, received.length);
    });
  }
  receive.signal("SIGTERM");
  await receive.success();
});

/** Waits until the broker's queues are empty. */
async function settled(workspace: Workspace): Promise<void> {
  const client = await workspace.connect("sender_1");
  while (await queued(client) > 0);
  client.close();
}
