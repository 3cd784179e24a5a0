/**
 * Many lines through the whole program: each once, in order.
 *
 * @module
 */
import assert from "node:assert/strict";
import { textsOf } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

/** Lines from stdin to stdout. */
const LINES = 100_000;

Deno.test(`${LINES} lines from send's stdin come out of receive, each once and in order`, async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const receive = workspace.receive("--output", "-", "--count", String(LINES));
  const send = workspace.send("--json");
  const numbers = Array.from({ length: LINES }, (_, i) => `${i + 1}`);
  await send.write(`${numbers.join("\n")}\n`);
  await send.endInput();
  await send.success(120_000);
  const { sent, acknowledged, failed } = JSON.parse(send.stdout.text);
  assert.deepEqual({ sent, acknowledged, failed }, { sent: LINES, acknowledged: LINES, failed: 0 });
  await receive.success(120_000);
  assert.deepEqual(textsOf(receive.stdout.lines), numbers);
});
