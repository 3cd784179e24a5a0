/**
 * A sample of the crash states of a store, and the control: without syncs they lose commits.
 * `deno task test:crash` tries many more.
 *
 * @module
 */
import assert from "node:assert/strict";
import { freshSeed } from "../support/seed.ts";
import { hasStrace } from "../support/fault_tools.ts";
import { recordCommits, tryCrashStates } from "./crash_states.ts";

const ignore = !hasStrace();
const STATES = 200;

Deno.test({
  name: "torn and reordered writes leave the last commit, or the whole of the next (needs strace)",
  ignore,
  fn: async () => {
    const steps = await recordCommits("FULL");
    const found = await tryCrashStates(steps, STATES, freshSeed());
    assert.deepEqual({ lost: found.lost, broken: found.broken }, { lost: 0, broken: [] });
    assert(found.inFlight > 0, "no state had a commit under way");
  },
});

Deno.test({
  name: "control: a log that is not synced at each commit loses commits (needs strace)",
  ignore,
  fn: async () => {
    const steps = await recordCommits("NORMAL");
    const { lost } = await tryCrashStates(steps, STATES / 2, freshSeed());
    assert(lost > 0, "nothing was lost");
  },
});
