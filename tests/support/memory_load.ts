/**
 * Clients that cost a broker memory as best they can, and a witness who must be served meanwhile:
 * for the tests of its bounds, and with larger numbers for the bench.
 *
 * @module
 */
import assert from "node:assert/strict";
import { consume, declareQueues, messageId, publish, publishBatch } from "./commands.ts";
import { residentBytes } from "./processes.ts";
import type { RawClient } from "./raw_client.ts";
import type { Workspace } from "./workspace.ts";

/** Certificates that a workspace needs for all of this. */
export const MEMORY_CLIENTS = ["sender_1", "receiver_1", "receiver_2", "witness"];
/** A client that is not stopped within this time is taken to be. */
const STALL_MS = 1000;
const BATCH = 500;
const CONNECTING_AT_ONCE = 50;

/** What a load came to. */
export interface Measured {
  /** The most resident memory of the broker, in bytes; 0 where the system does not tell. */
  readonly mostBytes: number;
  /** How often the witness published, was given its message and acknowledged it. */
  readonly served: number;
}

/** Runs `load` while a witness sends itself messages, and watches the broker's memory. */
export async function measure(
  workspace: Workspace,
  pid: number,
  load: () => Promise<void>,
): Promise<Measured> {
  const witness = await workspace.connect("witness");
  await declareQueues(witness, "witness");
  await consume(witness, "witness");
  let mostBytes = 0;
  const watch = setInterval(() => mostBytes = Math.max(mostBytes, residentBytes(pid) ?? 0), 20);
  let loading = true;
  let served = 0;
  const serving = (async () => {
    for (let last = false; !last; served++) {
      last = !loading;
      await serve(witness, `w-${served}`);
    }
  })();
  try {
    await load();
  } finally {
    loading = false;
    await serving;
    clearInterval(watch);
  }
  return { mostBytes, served };
}

async function serve(witness: RawClient, id: string): Promise<void> {
  await witness.write(publish(id, { receiver: "witness" }));
  // The ACK and the delivery come in the order of the broker's choice.
  const lines = await witness.lines(2);
  assert(lines.includes(`ACK ${id}`));
  assert.equal(messageId(lines.find((line) => line.startsWith("Message: "))), id);
  assert.equal(await witness.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
}

/** Connects many clients. */
export async function connectMany(
  workspace: Workspace,
  name: string,
  count: number,
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const next = Math.min(CONNECTING_AT_ONCE, count - clients.length);
    const came = Array.from({ length: next }, () => workspace.connect(name));
    clients.push(...await Promise.all(came));
  }
  return clients;
}

/** Queues messages for `receiver_1` whose plain texts would be `bytes` long. */
export async function fillQueue(
  workspace: Workspace,
  messages: number,
  bytes: number,
): Promise<void> {
  const sender = await workspace.connect("sender_1");
  await declareQueues(sender, "receiver_1", "receiver_2");
  for (let first = 0; first < messages; first += BATCH) {
    const count = Math.min(BATCH, messages - first);
    // Ids as senders make them: the broker remembers others at a higher price.
    const ids = Array.from({ length: count }, () => crypto.randomUUID());
    await sender.write(publishBatch(ids, { bytes }));
    await sender.lines(ids.length);
  }
  sender.close();
}

/** Consumers that ask for all they may have, and never read. */
export async function consumeDeaf(workspace: Workspace, connections: number): Promise<void> {
  const clients = await connectMany(workspace, "receiver_1", connections);
  await Promise.all(clients.map((client) => client.write("consume receiver_1 10000\n")));
  await new Promise((resolve) => setTimeout(resolve, 3 * STALL_MS));
}

/** Publishers of large batches that never read an ACK, until none of them can send any more. */
export async function publishDeaf(
  workspace: Workspace,
  connections: number,
  bytesEach: number,
): Promise<void> {
  const clients = await connectMany(workspace, "sender_1", connections);
  await Promise.all(clients.map(async (client, c) => {
    for (let sent = 0, batch = 0; sent < bytesEach; batch++) {
      const ids = Array.from({ length: BATCH }, (_, i) => `f-${c}-${batch}-${i}`);
      const lines = new TextEncoder().encode(publishBatch(ids, { receiver: "receiver_2" }));
      if (!await taken(client, lines)) return;
      sent += lines.length;
    }
  }));
}

/** Senders of lines that never end, until the broker takes no more or has `bytesEach` of each. */
export async function sendParts(
  workspace: Workspace,
  connections: number,
  bytesEach: number,
): Promise<void> {
  const clients = await connectMany(workspace, "sender_1", connections);
  const line = new TextEncoder().encode("x".repeat(bytesEach));
  await Promise.all(clients.map((client) => taken(client, line)));
}

/** Whether the broker takes the bytes before it stops reading, or ends the connection. */
async function taken(client: RawClient, bytes: Uint8Array): Promise<boolean> {
  const stalled = Promise.withResolvers<false>();
  const timer = setTimeout(() => stalled.resolve(false), STALL_MS);
  const written = client.write(bytes).then(() => true, () => false);
  const done = await Promise.race([written, stalled.promise]);
  clearTimeout(timer);
  return done;
}
