/**
 * A disk on which every sync takes long: publishers wait, and nobody else does.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, drain, publishBatch } from "../support/commands.ts";
import { type Program, residentBytes } from "../support/processes.ts";
import type { RawClient } from "../support/raw_client.ts";
import { Workspace } from "../support/workspace.ts";

const SYNC_MS = 300;
/** The broker stays the child: the tracer is beside it. */
const SLOW_DISK = [
  ...["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"],
  ...["-e", "trace=fsync,fdatasync"],
  ...["-e", `inject=fsync,fdatasync:delay_enter=${SYNC_MS * 1000}`],
];
const BATCH = 20;
const BODY_BYTES = 10_000;
const VISITORS = 5;
const MAX_RESIDENT_BYTES = 600 * 1024 * 1024;

function hasStrace(): boolean {
  try {
    return new Deno.Command(SLOW_DISK[0]!, { args: [...SLOW_DISK.slice(1), "true"] })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** Publishes as fast as it is read, until it is told to stop; every ACK is noted. */
class Flood {
  readonly acked: string[] = [];
  sent = 0;
  stopped = false;
  readonly done: Promise<unknown>;

  constructor(client: RawClient) {
    this.done = Promise.all([this.#write(client), this.#read(client)]);
    // Told where it is awaited.
    this.done.catch(() => {});
  }

  async #write(client: RawClient): Promise<void> {
    while (!this.stopped) {
      const ids = Array.from({ length: BATCH }, (_, i) => `m-${this.sent + i}`);
      this.sent += BATCH;
      await client.write(publishBatch(ids, { bytes: BODY_BYTES }));
    }
  }

  async #read(client: RawClient): Promise<void> {
    while (!this.stopped || this.acked.length < this.sent) {
      const line = await client.line();
      assert.equal(line, `ACK m-${this.acked.length}`);
      this.acked.push(line.slice(4));
    }
  }
}

/** How long a newcomer's handshake and then its first answer take, in milliseconds. */
async function visit(workspace: Workspace): Promise<{ handshakeMs: number; answerMs: number }> {
  const start = performance.now();
  const client = await workspace.connect("receiver_1");
  const connected = performance.now();
  assert.match(await client.ask("get_public_key nobody") ?? "", /./);
  const answered = performance.now();
  client.close();
  return { handshakeMs: connected - start, answerMs: answered - connected };
}

async function visitAll(workspace: Workspace, broker: Program) {
  const visits = [];
  let residentMax = 0;
  for (let i = 0; i < VISITORS; i++) {
    visits.push(await visit(workspace));
    residentMax = Math.max(residentMax, residentBytes(broker.pid) ?? 0);
  }
  return {
    // The quickest: the others tell what else the machine does.
    handshakeMs: Math.min(...visits.map((one) => one.handshakeMs)),
    answerMs: Math.min(...visits.map((one) => one.answerMs)),
    residentMax,
  };
}

Deno.test({
  name:
    "while the disk stalls a flood waits, newcomers shake hands and are answered, and no ACK lies",
  ignore: Deno.build.os !== "linux" || !hasStrace(),
  fn: async () => {
    await using workspace = await Workspace.make();
    const broker = await workspace.serve({ through: SLOW_DISK });
    const admin = await workspace.connect("receiver_1");
    await declareQueues(admin, "receiver_1");
    const flood = new Flood(await workspace.connect("sender_1"));
    const seen = await visitAll(workspace, broker);
    flood.stopped = true;
    await flood.done;
    // On the thread of the connections a sync would hold up each of a handshake's steps.
    assert.ok(seen.handshakeMs < SYNC_MS, `${seen.handshakeMs} ms to shake hands`);
    // The answer waits for the commit that is under way, and for no other.
    assert.ok(seen.answerMs < 5 * SYNC_MS, `${seen.answerMs} ms to the first answer`);
    assert.ok(seen.residentMax < MAX_RESIDENT_BYTES, `${seen.residentMax} bytes resident`);
    assert.ok(flood.acked.length > 0);
    await broker.kill();

    const sane = await workspace.serve();
    assert.deepEqual(await drain(await workspace.connect("receiver_1")), flood.acked);
    sane.signal("SIGTERM");
    await sane.success();
  },
});
