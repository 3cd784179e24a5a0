/**
 * Stopping and starting the broker: in time, with nothing lost, and everything as it was.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { consume, declareQueues, drain, messageId, publishBatch } from "../support/commands.ts";
import type { Program } from "../support/processes.ts";
import type { RawClient } from "../support/raw_client.ts";
import { Workspace } from "../support/workspace.ts";

/** What the broker promises. */
const STOP_WITHIN_MS = 5000;

async function stop(broker: Program, signal: "SIGTERM" | "SIGINT"): Promise<void> {
  const beginMs = performance.now();
  broker.signal(signal);
  const status = await broker.end();
  const tookMs = performance.now() - beginMs;
  assert.equal(status.code, 0, broker.stderr.text);
  assert.equal(status.signal, null);
  assert(tookMs < STOP_WITHIN_MS, `it took ${Math.round(tookMs)} ms to stop`);
}

/** Writes what `next` gives, again and again, until the broker is gone. */
async function writeUntilCut(client: RawClient, next: (turn: number) => string): Promise<void> {
  try {
    for (let turn = 0;; turn++) await client.write(next(turn));
  } catch {
    // The broker has closed the connection.
  }
}

/** Publishes batch after batch. `underWay` resolves with the first ACKs, `acked` at the end. */
function publishUntilCut(client: RawClient): { underWay: Promise<void>; acked: Promise<string[]> } {
  const underWay = Promise.withResolvers<void>();
  const acked = (async () => {
    const ids: string[] = [];
    const send = (batch: number) => {
      const batchIds = Array.from({ length: 20 }, (_, i) => `m-${batch * 20 + i}`);
      return client.write(publishBatch(batchIds)).catch(() => {});
    };
    for (let batch = 0; batch < 20; batch++) await send(batch);
    for (let line; (line = await client.line()) !== undefined;) {
      assert.match(line, /^ACK /);
      ids.push(line.slice(4));
      if (ids.length % 20 === 0) await send(ids.length / 20 + 19);
      if (ids.length === 1000) underWay.resolve();
    }
    return ids;
  })();
  return { underWay: underWay.promise, acked };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends the broker in time whatever its clients do, and keeps all it ACKed`, async () => {
    await using workspace = await Workspace.make();
    const broker = await workspace.serve();
    const idle = await workspace.connect("receiver_1");
    await declareQueues(idle, "receiver_1");
    const halfway = await workspace.connect("sender_1");
    await halfway.write("publish_batch ciphermq receiver_1 [{");
    const neverReading = await workspace.connect("sender_1");
    const flooding = writeUntilCut(neverReading, () => "stats\n".repeat(1000));
    const publisher = publishUntilCut(await workspace.connect("sender_1"));
    await publisher.underWay;

    await stop(broker, signal);
    const acked = await publisher.acked;
    await flooding;
    assert.equal(await idle.line(), undefined);
    assert(acked.length >= 1000);

    await workspace.serve();
    const receiver = await workspace.connect("receiver_1");
    const kept = await drain(receiver);
    // What was stored without an ACK may be there, too: it is what the publisher sent next.
    assert.deepEqual(kept.slice(0, acked.length), acked);
  });
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`a broker that is started again after ${signal} is as it was`, async () => {
    await using workspace = await Workspace.make();
    const first = await workspace.serve();
    const key = randomBytes(32).toString("base64");
    const receiver = await workspace.connect("receiver_1");
    const sender = await workspace.connect("sender_1");
    await declareQueues(receiver, "receiver_1");
    assert.equal(await receiver.ask(`register_key receiver_1 ${key}`), "Public key registered");
    const ids = Array.from({ length: 300 }, (_, i) => `m-${i}`);
    await sender.write(publishBatch(ids));
    assert.deepEqual(await sender.lines(ids.length), ids.map((id) => `ACK ${id}`));
    await consume(receiver);
    const delivered = (await receiver.lines(256)).map(messageId);
    assert.deepEqual(delivered, ids.slice(0, 256));
    for (const id of ids.slice(0, 100)) await receiver.write(`ack ${id}\n`);
    for (const id of ids.slice(0, 100)) {
      let line;
      while ((line = await receiver.line())?.startsWith("Message: "));
      assert.equal(line, `ACK_CONFIRMED ${id}`);
    }
    first.signal(signal);
    await first.end();

    await workspace.serve();
    const again = await workspace.connect("sender_1");
    // Queue, exchange and binding are there, and all ids are remembered, acknowledged or not.
    await again.write(publishBatch(ids));
    assert.deepEqual(await again.lines(ids.length), ids.map((id) => `ACK ${id}`));
    assert.equal(await again.ask("get_key receiver_1"), `Public key: ${key}`);
    await again.write(publishBatch(["last"]));
    assert.deepEqual(await again.lines(1), ["ACK last"]);
    const back = await workspace.connect("receiver_1");
    assert.equal(await back.ask("ack m-0"), "ACK_CONFIRMED m-0");
    assert.deepEqual(await drain(back), [...ids.slice(100), "last"]);
  });
}
