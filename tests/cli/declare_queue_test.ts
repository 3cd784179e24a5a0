/**
 * `ciphermq declare-queue` as its users run it, with the real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Workspace } from "../support/workspace.ts";

Deno.test("a queue does as it is told, also after its receiver has declared it again", async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const declare = (...args: string[]) =>
    workspace.run(["declare-queue", "receiver_1", "--as", "sender_1", ...args]);
  const told = declare("max_messages=1", "max_deliveries=5");
  await told.success();
  assert.equal(told.stderr.text, "declared queue 'receiver_1' max_messages=1 max_deliveries=5\n");
  const receive = workspace.receive("--verbose");
  await receive.until("stderr", (lines) => lines.find((line) => line.startsWith("receiving as")));
  await receive.kill();
  const full = workspace.send("one", "two", "--wait", "1");
  assert.notEqual((await full.end()).code, 0);
  assert.match(full.stderr.text, /full/);
  const wrong = declare("colour=red");
  assert.equal((await wrong.end()).code, 2);
  assert.match(wrong.stderr.text, /unknown queue option; there are ack_timeout_ms, max_deliveries/);
});
