/**
 * Some kills under load, and the control: a log that lost its end is noticed. `deno task test:crash`
 * kills more often.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Random } from "../fuzz/random.ts";
import { BrokenPromise } from "../support/promises.ts";
import { freshSeed } from "../support/seed.ts";
import { killAndCutLog, killUnderLoad } from "./kills.ts";

const KILLS = 10;

Deno.test(`broker, sender and receiver killed ${KILLS} times under load lose nothing and double nothing`, async () => {
  const { struck, messages } = await killUnderLoad(KILLS, new Random(freshSeed()));
  assert(struck >= KILLS && messages > 100, `${struck} struck, ${messages} messages`);
});

Deno.test("control: the load notices a log that lost its end", async () => {
  await assert.rejects(killAndCutLog(), BrokenPromise);
});
