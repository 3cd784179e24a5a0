/**
 * Fuzzes until it is stopped, or so many inputs: `deno task fuzz [--seed N] [--inputs N]
 * [--target NAME] [--from N]`. Prints what repeats a failure.
 *
 * @module
 */
import { freshSeed } from "../support/seed.ts";
import { readTaskOptions, someOf, wholeNumber } from "../support/task_options.ts";
import { fuzz, FuzzFailure } from "./fuzzer.ts";
import { shareOf, TARGETS } from "./targets.ts";

const ROUND = 200_000;
const { seed, inputs, target: names, from } = readTaskOptions("fuzz", {
  seed: wholeNumber(freshSeed(), 0),
  inputs: wholeNumber(Infinity),
  target: someOf(TARGETS.map(({ name }) => name)),
  from: wholeNumber(0, 0),
});
const chosen = TARGETS.filter(({ name }) => names.includes(name));

/** Where each target goes on. */
const next = new Map(chosen.map((target) => [target, from]));
let done = 0;
let failed = false;
console.log(`seed ${seed}`);
while (done < inputs && !failed) {
  for (const target of chosen) {
    const round = Math.min(ROUND, inputs - done);
    const wanted = chosen.length === 1 ? round : shareOf(target, round);
    const start = next.get(target)!;
    const startMs = performance.now();
    try {
      fuzz(target, seed, wanted, start);
    } catch (error) {
      console.error(error instanceof FuzzFailure ? error.message : error);
      failed = true;
    }
    next.set(target, start + wanted);
    console.log(`${target.name}: ${start + wanted} inputs, ${micros(startMs, wanted)} µs each`);
  }
  done = [...next.values()].reduce((sum, count) => sum + count, 0) -
    from * next.size;
}
console.log(`${done} inputs, ${failed ? "not all as they should be" : "all as they should be"}`);
Deno.exit(failed ? 1 : 0);

function micros(startMs: number, count: number): string {
  return ((performance.now() - startMs) * 1_000 / count).toFixed(1);
}
