/**
 * What a broker's memory comes to under clients that cost it as much as they can.
 *
 * @module
 */
import {
  consumeDeaf,
  fillQueue,
  measure,
  MEMORY_CLIENTS,
  publishDeaf,
  sendParts,
} from "../tests/support/memory_load.ts";
import { readTaskOptions, wholeNumber } from "../tests/support/task_options.ts";
import { Workspace } from "../tests/support/workspace.ts";

const MIB = 1024 * 1024;
const LOADS: Readonly<Record<string, (workspace: Workspace) => Promise<void>>> = {
  "1,000 consumers that never read": (workspace) => consumeDeaf(workspace, 1000),
  "200 publishers that never read": (workspace) => publishDeaf(workspace, 200, 64 * MIB),
  "200 lines that never end": (workspace) => sendParts(workspace, 200, 15 * MIB),
};

const { messages } = readTaskOptions("bench:memory", { messages: wholeNumber(1_000_000) });
console.log(
  `| load beside ${messages} queued messages of 256 B | most resident | witness served |`,
);
console.log("|---|---|---|");
for (const [what, load] of Object.entries(LOADS)) {
  await using workspace = await Workspace.make({
    clients: MEMORY_CLIENTS,
    configuration: "[limits]\nmax_connections_per_address = 2000\n",
  });
  const broker = await workspace.serve();
  await fillQueue(workspace, messages, 256);
  const { mostBytes, served } = await measure(workspace, broker.pid, () => load(workspace));
  console.log(`| ${what} | ${Math.round(mostBytes / MIB)} MiB | ${served} times |`);
}
