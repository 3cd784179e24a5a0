/**
 * The broker killed in the middle of its work: nothing that it acknowledged is lost, and nothing is
 * written twice.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, queued } from "../support/commands.ts";
import { LoadConsumer, LoadPublisher } from "../support/load.ts";
import { textsIn } from "../support/received.ts";
import { moment, numberedLines, sizeOf, until } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";

const OUTPUT = "received.jsonl";
const BROKER_KILLS = 20;
/** The first kills wait until `send` and `receive` are back at work; later ones meet them as they come. */
const MET_KILLS = 5;
const LINES_PER_KILL = 500;

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
    const lines = numberedLines(LINES_PER_KILL, kill * LINES_PER_KILL);
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
  assert.deepEqual(textsIn(output), numberedLines(total));
  assert(publisher.resent > 0, "no kill met a publish under way");
  assert.deepEqual(consumer.deliveredAgain, []);
  assert.deepEqual(consumer.confirmed, publisher.acked);
  assert.deepEqual([...consumer.delivered], [...publisher.acked]);
  const last = await workspace.connect("sender_1");
  assert.equal(await queued(last), 0);
});
