/**
 * Simulated histories: every promise in every one of them, and every fault in some.
 *
 * @module
 */
import assert from "node:assert/strict";
import { liveHistory } from "./history.ts";
import { runHistories } from "./history_run.ts";
import { SAVED_SEEDS } from "./saved_seeds.ts";

/** More of them is for `deno task sim`. */
const HISTORIES = 2_500;
const JOBS = 2;
/** A run of other histories is `deno task sim`. */
const FIRST_SEED = 1_000_000;

Deno.test("the same seed gives the same history, byte by byte", async () => {
  for (const seed of [1, 2, 3]) {
    const [one, again]: [string[], string[]] = [[], []];
    await liveHistory(seed, one);
    await liveHistory(seed, again);
    assert(one.length > 100, "much happens");
    assert.deepEqual(again, one);
  }
});

Deno.test("histories that once broke a promise keep them all", async () => {
  for (const seed of SAVED_SEEDS) {
    const { violations } = await liveHistory(seed);
    assert.deepEqual(violations, [], `seed ${seed}`);
  }
});

Deno.test("thousands of histories keep every promise, and meet every kind of fault", async () => {
  const tally = await runHistories({ seed: FIRST_SEED, histories: HISTORIES, jobs: JOBS });
  assert.equal(tally.failure, undefined);
  assert.equal(tally.histories, HISTORIES);
  const missed = [...tally.faults].filter(([, count]) => count === 0).map(([fault]) => fault);
  assert.deepEqual(missed, []);
});
