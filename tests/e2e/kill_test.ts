/**
 * Processes killed in the middle of their work: nothing that was acknowledged is lost, and nothing
 * is written twice.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, queued } from "../support/commands.ts";
import { LoadConsumer, LoadPublisher } from "../support/load.ts";
import { PATIENCE_MS } from "../support/processes.ts";
import { textsIn } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

const OUTPUT = "received.jsonl";
const BROKER_KILLS = 20;
/** The first kills wait until `send` and `receive` are back at work; later ones meet them as they come. */
const MET_KILLS = 5;
const LINES_PER_KILL = 500;
const RECEIVER_KILLS = 8;
const SENDER_KILLS = 4;

/** Numbered lines for `send`'s stdin. */
function linesOf(run: string, count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => `${run} ${first + i}`);
}

/** Waits until something outside of this process has changed. */
async function until(what: string, check: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!check()) {
    if (performance.now() > endMs) throw new Error(`${what}: not in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Bytes of a file, 0 if it is not there. */
function sizeOf(file: string): number {
  try {
    return Deno.statSync(file).size;
  } catch {
    return 0;
  }
}

/** At most `ms` milliseconds, so that a kill meets the work at any point of it. */
async function moment(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * ms));
}

Deno.test(`a broker killed ${BROKER_KILLS} times under load loses nothing it ACKed, and no message comes twice`, async () => {
  await using workspace = await Workspace.make({
    clients: ["sender_1", "receiver_1", "publisher", "consumer"],
  });
  const output = workspace.path(OUTPUT);
  let broker = await workspace.serve();
  const first = await workspace.connect("sender_1");
  await declareQueues(first, "receiver_1", "consumer");
  const publisher = new LoadPublisher(() => workspace.connect("publisher"), "consumer");
  const consumer = new LoadConsumer(() => workspace.connect("consumer"), "consumer");
  const receive = workspace.receive("--output", OUTPUT);
  const send = workspace.send("--json");
  const feeding: Promise<void>[] = [];
  for (let kill = 0; kill < BROKER_KILLS; kill++) {
    const before = { acked: publisher.acked.size, confirmed: consumer.confirmed.size };
    const writtenBefore = sizeOf(output);
    const lines = linesOf("line", LINES_PER_KILL, kill * LINES_PER_KILL);
    feeding.push(send.write(`${lines.join("\n")}\n`));
    await until(
      "publishes, acks and lines",
      () =>
        publisher.acked.size > before.acked + 20 && consumer.confirmed.size > before.confirmed &&
        (kill >= MET_KILLS || sizeOf(output) > writtenBefore),
    );
    await moment(40);
    await broker.kill();
    broker = await workspace.serve();
  }
  await Promise.all(feeding);
  await send.endInput();
  publisher.stop();
  await publisher.done;
  consumer.finish(publisher.acked.size);
  await consumer.done;
  await send.success();
  const total = BROKER_KILLS * LINES_PER_KILL;
  await until("all lines", () => textsIn(output).length >= total);
  receive.signal("SIGTERM");
  await receive.success();

  const { sent, acknowledged } = JSON.parse(send.stdout.text);
  assert.deepEqual({ sent, acknowledged }, { sent: total, acknowledged: total });
  assert.deepEqual(textsIn(output), linesOf("line", total));
  assert(publisher.resent > 0, "no kill met a publish under way");
  assert.deepEqual(consumer.deliveredAgain, []);
  assert.deepEqual(consumer.confirmed, publisher.acked);
  assert.deepEqual([...consumer.delivered], [...publisher.acked]);
  const last = await workspace.connect("sender_1");
  assert.equal(await queued(last), 0);
});

Deno.test(`a receiver killed ${RECEIVER_KILLS} times writes each line once, whole and in order`, async () => {
  await using workspace = await Workspace.make();
  await workspace.serve();
  const output = workspace.path(OUTPUT);
  const lines = linesOf("line", RECEIVER_KILLS * 2500);
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
  const input = linesOf("line", 50_000);
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
