/**
 * A sample of the broker's calls to its files that fail, and the control: writes that are swallowed
 * are noticed. `deno task test:crash` lets every call fail.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Random } from "../fuzz/random.ts";
import { freshSeed } from "../support/seed.ts";
import { hasStrace } from "../support/fault_tools.ts";
import { FaultyDisk } from "./io_faults.ts";

const ignore = !hasStrace();
const FAULTS = 3;

Deno.test({
  name:
    "a call to the broker's files that fails once ends in an error or harms nothing (needs strace)",
  ignore,
  fn: async () => {
    await using disk = await FaultyDisk.make();
    const faults = await disk.faults();
    const random = new Random(freshSeed());
    // A commit for which there is no room is always among them: it is the one that happens to everybody.
    const commits = faults.filter(({ call, error }) => call === "pwrite64" && error === "ENOSPC");
    const commit = commits[Math.floor(commits.length / 2)];
    assert(commit !== undefined, "a run writes its log");
    const chosen = [commit];
    while (chosen.length < FAULTS) chosen.push(random.pick(faults));
    const outcomes: string[] = [];
    for (const fault of chosen) outcomes.push(await disk.try(fault));
    assert(!outcomes[0]!.endsWith("not met"), "the commit without room was not met");
  },
});

Deno.test({
  name: "control: writes that a disk swallows are noticed (needs strace)",
  ignore,
  fn: async () => {
    await using disk = await FaultyDisk.make();
    await assert.rejects(disk.lie(60), /deep-equal/);
  },
});
