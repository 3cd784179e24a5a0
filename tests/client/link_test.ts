/**
 * How a connection comes back, and when it does not.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { Link, type LinkOptions } from "../../lib/client/link.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

/** A link whose life is written down. */
async function record(broker: ScriptedBroker, options: Partial<LinkOptions> = {}) {
  const story: string[] = [];
  const ended = Promise.withResolvers<void>();
  const up = { next: (): void | Promise<void> => {} };
  const link = new Link({
    connection: await broker.clientOptions("a"),
    backoff: { firstMs: 1, maxMs: 5 },
    ...options,
  }, {
    up: () => {
      story.push("up");
      return up.next();
    },
    down: (error) => story.push(`down ${error.code}`),
    failed: (error) => {
      story.push(`failed ${error.code}`);
      ended.resolve();
    },
    message: () => {},
    turn: () => {},
    drained: () => {},
  });
  link.start();
  return { link, story, up, ended: ended.promise };
}

Deno.test("a lost connection is replaced, for ever, until it is closed", async () => {
  const broker = await ScriptedBroker.start();
  const { link, story } = await record(broker);
  for (let n = 1; n <= 3; n++) {
    await broker.until(() => broker.lines.length === n);
    while (link.connection === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    broker.cut();
    while (link.connection !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await link.close();
  assert.deepEqual(story.slice(0, 6), Array(3).fill(["up", "down connection"]).flat());
  assert.ok(!story.some((event) => event.startsWith("failed")));
  await broker.stop();
});

Deno.test("a set-up that fails in passing is tried again, one that is refused is not", async () => {
  const broker = await ScriptedBroker.start();
  const { link, story, up, ended } = await record(broker);
  const errors = [
    new CipherMqError("limit", "too many"),
    new CipherMqError("access_denied", "no"),
  ];
  up.next = () => Promise.reject(errors.shift());
  await ended;
  await link.close();
  assert.deepEqual(story, [
    "up",
    "down limit",
    "up",
    "down access_denied",
    "failed access_denied",
  ]);
  await broker.stop();
});

Deno.test("a first connection that does not come about fails in time; distrust after a second look", async () => {
  const gone = await ScriptedBroker.start();
  await gone.stop();
  const away = await record(gone, { connectForMs: 20 });
  await away.ended;
  assert.equal(away.story.at(-1), "failed connection");
  const stranger = await ScriptedBroker.start({ label: "other" });
  const distrusted = await record(stranger);
  await distrusted.ended;
  assert.deepEqual(distrusted.story, ["down tls", "down tls", "failed tls"]);
  await stranger.stop();
});
