/**
 * What a mountain of messages costs that nobody has fetched: memory while it grows and after a
 * restart, and how long the broker then takes until its first delivery.
 *
 * @module
 */
import { consume, messageId } from "../tests/support/commands.ts";
import { fillQueue, MEMORY_CLIENTS } from "../tests/support/memory_load.ts";
import { type Program, residentBytes } from "../tests/support/processes.ts";
import type { RawClient } from "../tests/support/raw_client.ts";
import { Workspace } from "../tests/support/workspace.ts";
import { DEFAULT_LIMITS } from "../lib/base/limits.ts";
import { delay } from "./lab/delay.ts";
import { describeMachine, readMachine } from "./lab/machine.ts";
import { readOptions } from "./lab/options.ts";
import { grouped, markdown } from "./lab/tables.ts";
import { RECEIVER } from "./load/client.ts";

const RETRY_MS = 5;
/** Until memory that is free is given back, as far as it is. */
const SETTLE_MS = 5_000;

function resident(broker: Program): number {
  return residentBytes(broker.pid) ?? 0;
}

async function stop(broker: Program): Promise<void> {
  broker.signal("SIGTERM");
  await broker.success();
}

/** Waits as a receiver would, and a little less patiently. */
async function connectWhenThere(workspace: Workspace): Promise<RawClient> {
  while (true) {
    try {
      return await workspace.connect(RECEIVER);
    } catch {
      await delay(RETRY_MS);
    }
  }
}

/** Bytes of an empty broker: the rest is the messages'. */
async function measureEmpty(workspace: Workspace): Promise<number> {
  const broker = await workspace.serve();
  await delay(SETTLE_MS);
  const bytes = resident(broker);
  await stop(broker);
  return bytes;
}

/** Fills the queue; gives messages per second and the broker's bytes afterwards. */
async function measureFilling(workspace: Workspace, messages: number, size: number) {
  const broker = await workspace.serve();
  const beganMs = performance.now();
  await fillQueue(workspace, messages, size);
  const rate = messages / (performance.now() - beganMs) * 1000;
  await delay(SETTLE_MS);
  const bytes = resident(broker);
  await stop(broker);
  return { rate, bytes };
}

/** Starts the broker beside a receiver that waits; gives the time until a delivery, and its bytes. */
async function measureRestart(workspace: Workspace) {
  const beganMs = performance.now();
  const broker = workspace.run(["serve"]);
  const receiver = await connectWhenThere(workspace);
  await consume(receiver, RECEIVER);
  messageId(await receiver.line());
  const seconds = (performance.now() - beganMs) / 1000;
  await delay(SETTLE_MS);
  const bytes = resident(broker);
  receiver.close();
  await stop(broker);
  return { seconds, bytes };
}

const { messages, sizes: [size = 1024] } = readOptions(Deno.args, {
  runs: 1,
  messages: 1_000_000,
  sizes: [1024],
  rates: [0],
  seconds: 0,
  only: [],
});
console.log(`${describeMachine(readMachine())}\n`);
await using workspace = await Workspace.make({
  clients: MEMORY_CLIENTS,
  configuration: `[limits]\nmax_queue_messages = ${messages}\nmax_queue_bytes = ${2 ** 40}\n`,
});
const empty = await measureEmpty(workspace);
const filled = await measureFilling(workspace, messages, size);
const restarted = await measureRestart(workspace);
const each = (bytes: number) => grouped(bytes / messages);
const { size: fileBytes } = Deno.statSync(workspace.path("broker.db"));
console.log(markdown(
  ["queued", "bytes on disk", "published/s", "memory each", "memory each after a restart"].concat(
    "first delivery after",
  ),
  [[
    `${grouped(messages)} × ${size} B`,
    grouped(fileBytes),
    grouped(filled.rate),
    // What the broker may use for bodies, it does.
    `${each(filled.bytes - empty - DEFAULT_LIMITS.maxCachedBodyBytes)} B`,
    `${each(restarted.bytes - empty)} B`,
    `${restarted.seconds.toFixed(2)} s`,
  ]],
));
