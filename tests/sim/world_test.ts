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
import { HandlerSink, type OpenedMessage } from "../../lib/client/sink.ts";
import { World } from "./world.ts";

const COUNT = 200;
const TEXTS = Array.from({ length: COUNT }, (_, n) => `message ${n}`);

/** A broker, a sender and a receiver of one seed, and all that was on their network. */
async function history(seed: number, disturb: (world: World) => Promise<void> = async () => {}) {
  const world = new World(seed);
  const { clock, network, random } = world;
  const trace = createHash("sha256");
  network.observer = {
    sent: () => {},
    arrived: (to, chunk) => {
      trace.update(`${clock.nowMs} to ${to.remoteAddress} ${to.identity}\n`).update(chunk);
    },
    closed: () => {},
  };
  await clock.until(world.startBroker());
  const texts: string[] = [];
  const handle = async (messages: readonly OpenedMessage[]) => {
    for (const { text } of messages) texts.push(text);
    await new Promise<void>((done) => clock.after(3, done));
  };
  const receiver = await clock.until(Receiver.start({
    connection: world.connection("bob"),
    identity: "bob",
    privateKey: random.bytes(32),
    sink: new HandlerSink(handle, new MemoryInbox(), clock),
    prefetch: 20,
    maxMessages: COUNT,
  }));
  const sender = await clock.until(Sender.connect({ connection: world.connection("alice") }));
  const sent = Promise.all(TEXTS.map((text) => sender.send("bob", text)));
  await disturb(world);
  await clock.until(Promise.all([sent, receiver.done]), 60_000);
  await clock.until(sender.close());
  await clock.until(world.stopBroker());
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

Deno.test("what a broker has not delivered when it stops, the next one on its disk delivers", async () => {
  const { texts } = await history(3, async (world) => {
    const { clock } = world;
    await clock.pass(20);
    await clock.until(world.stopBroker());
    await clock.pass(100);
    await clock.until(world.startBroker());
  });
  assert.deepEqual(texts, TEXTS);
});
