/**
 * The clock that no setting of the wall clock disturbs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { steadyClock } from "../../lib/base/steady_clock.ts";

Deno.test("a steady clock starts at the wall clock and passes as the monotonic clock does, however it is set", () => {
  const machine = { wallMs: 1_700_000_000_000, monoMs: 250.5 };
  const clock = steadyClock({ now: () => ({ ...machine }) });
  assert.deepEqual(clock.now(), machine);
  for (const jumpMs of [2 * 86_400_000, -10 * 86_400_000]) {
    machine.wallMs += jumpMs;
    machine.monoMs += 1000;
  }
  assert.deepEqual(clock.now(), { wallMs: 1_700_000_002_000, monoMs: 2250.5 });
  machine.monoMs += 0.75;
  assert.equal(clock.now().wallMs, 1_700_000_002_000, "whole milliseconds, as of the machine");
});
