/**
 * A whole system in simulated time: what is sent arrives, and a seed decides about every byte.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { MemoryInbox } from "../../lib/client/inbox.ts";
import { Receiver } from "../../lib/client/receiver.ts";
import { Sender } from "../../lib/client/sender.ts";
import { HandlerSink } from "../../lib/client/sink.ts";
import { World } from "./world.ts";

const COUNT = 200;
const TEXTS = Array.from({ length: COUNT }, (_, n) => `message ${n}`);

/** Sends everything to one receiver; gives what came, and all that was on the network. */
async function history(seed: number): Promise<{ texts: string[]; trace: string; endMs: number }> {
  const world = new World(seed);
  const { clock, network, random } = world;
  const trace = createHash("sha256");
  network.onArrival = (to, chunk) => {
    trace.update(`${clock.nowMs} to ${to.remoteAddress} ${to.identity}\n`).update(chunk);
  };
  const broker = await clock.until(world.startBroker());
  const texts: string[] = [];
  const receiver = await clock.until(Receiver.start({
    connection: world.connection("bob"),
    identity: "bob",
    privateKey: random.bytes(32),
    sink: new HandlerSink(
      (messages) => {
        for (const { text } of messages) texts.push(text);
      },
      new MemoryInbox(),
      clock,
    ),
    maxMessages: COUNT,
  }));
  const sender = await clock.until(Sender.connect({ connection: world.connection("alice") }));
  await clock.until(Promise.all(TEXTS.map((text) => sender.send("bob", text))));
  await clock.until(receiver.done);
  await clock.until(sender.close());
  network.listen();
  await clock.until(broker.stop());
  return { texts, trace: trace.digest("hex"), endMs: clock.nowMs };
}

Deno.test("in simulated time, too, all messages arrive in order, and nothing is waited for", async () => {
  const { texts, endMs } = await history(1);
  assert.deepEqual(texts, TEXTS);
  assert(endMs < 1_000, `${endMs} ms passed`);
});

Deno.test("the same seed gives the same bytes at the same moments, another one gives others", async () => {
  const [one, again, other] = [await history(7), await history(7), await history(8)];
  assert.deepEqual(again, one);
  assert.notEqual(other.trace, one.trace);
  assert.notEqual(other.endMs, one.endMs);
});
