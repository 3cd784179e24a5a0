/**
 * Power cuts, and the control: without syncs they lose messages. `deno task test:crash` cuts more often.
 *
 * @module
 */
import assert from "node:assert/strict";
import { BrokenPromise } from "../support/promises.ts";
import { hasEatmydata } from "../support/fault_tools.ts";
import { hasLoopDisks } from "./loop_disk.ts";
import { cutPower } from "./power_cuts.ts";

const isPossible = await hasLoopDisks();
const CUTS = 1;

Deno.test({
  name: "a power cut loses nothing that was ACKed or taken (needs root and loop devices)",
  ignore: !isPossible,
  fn: async () => {
    const { messages } = await cutPower(CUTS);
    assert(messages > 100, `${messages} messages`);
  },
});

Deno.test({
  name:
    "control: a broker without syncs loses ACKed messages (needs root, loop devices, eatmydata)",
  ignore: !isPossible || !hasEatmydata(),
  fn: () => assert.rejects(cutPower(1, { through: ["eatmydata"] }), BrokenPromise),
});
