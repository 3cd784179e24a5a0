/**
 * The broker's resident memory stays under the bound that the README states, whatever clients do who
 * do not read, flood or never end their lines; and another client is served meanwhile.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  consumeDeaf,
  fillQueue,
  measure,
  MEMORY_CLIENTS,
  publishDeaf,
  sendParts,
} from "../support/memory_load.ts";
import { Workspace } from "../support/workspace.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MESSAGES = 5_000;
const LIMITS = {
  max_line_bytes: 2 * MIB,
  max_incoming_bytes: 8 * MIB,
  max_outgoing_bytes: 8 * MIB,
  max_cached_body_bytes: 8 * MIB,
  max_copies_bytes: 2 * MIB,
};

/** As in the README. */
function boundBytes(connections: number, messages: number): number {
  return 384 * MIB + LIMITS.max_cached_body_bytes + 4 * LIMITS.max_incoming_bytes +
    2 * LIMITS.max_outgoing_bytes + 3 * LIMITS.max_copies_bytes + connections * 384 * KIB +
    messages * (250 + 48);
}

/** By each connection at most: an envelope has more than 512 bytes. */
const FLOOD_BYTES = 2 * MIB;
const FLOODED_MESSAGES = FLOOD_BYTES / 512;

type Load = (workspace: Workspace, connections: number) => Promise<void>;

const LOADS: readonly (readonly [what: string, connections: number, load: Load])[] = [
  ["consumers that never read", 60, consumeDeaf],
  [
    "publishers that flood and never read",
    60,
    (workspace, count) => publishDeaf(workspace, count, FLOOD_BYTES),
  ],
  ["lines that never end", 200, (workspace, count) => sendParts(workspace, count, 2 * MIB - KIB)],
];

for (const [what, connections, load] of LOADS) {
  Deno.test(`${what} cost bounded memory and keep nobody from being served`, async () => {
    const limits = Object.entries(LIMITS).map(([name, value]) => `${name} = ${value}\n`);
    await using workspace = await Workspace.make({
      clients: MEMORY_CLIENTS,
      configuration: `[limits]\n${limits.join("")}`,
    });
    const broker = await workspace.serve();
    await fillQueue(workspace, MESSAGES, 256);
    const { mostBytes, served } = await measure(
      workspace,
      broker.pid,
      () => load(workspace, connections),
    );
    assert(served > 0);
    const bound = boundBytes(connections, MESSAGES + connections * FLOODED_MESSAGES);
    const inMib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
    assert(mostBytes < bound, `the broker took ${inMib(mostBytes)}, the bound is ${inMib(bound)}`);
  });
}
