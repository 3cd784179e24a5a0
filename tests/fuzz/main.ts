/**
 * Fuzzes until it is stopped, or so many inputs: `deno task fuzz [--seed N] [--inputs N]
 * [--target NAME] [--from N]`. Prints what repeats a failure.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fuzz, FuzzFailure } from "./fuzzer.ts";
import { shareOf, TARGETS } from "./targets.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1) },
    inputs: { type: "string", default: "Infinity" },
    target: { type: "string" },
    from: { type: "string", default: "0" },
  },
});
const ROUND = 200_000;
const seed = Number(values.seed);
const inputs = Number(values.inputs);
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0 || !Number.isInteger(seed) || !(inputs >= 1)) {
  console.error(
    `targets: ${TARGETS.map(({ name }) => name).join(", ")}; --seed and --inputs are numbers`,
  );
  Deno.exit(2);
}

/** Where each target goes on. */
const next = new Map(chosen.map((target) => [target, Number(values.from)]));
let done = 0;
let failed = false;
console.log(`seed ${seed}`);
while (done < inputs && !failed) {
  for (const target of chosen) {
    const round = Math.min(ROUND, inputs - done);
    const wanted = chosen.length === 1 ? round : shareOf(target, round);
    const from = next.get(target)!;
    const startMs = performance.now();
    try {
      fuzz(target, seed, wanted, from);
    } catch (error) {
      console.error(error instanceof FuzzFailure ? error.message : error);
      failed = true;
    }
    next.set(target, from + wanted);
    console.log(`${target.name}: ${from + wanted} inputs, ${micros(startMs, wanted)} µs each`);
  }
  done = [...next.values()].reduce((sum, count) => sum + count, 0) -
    Number(values.from) * next.size;
}
console.log(`${done} inputs, ${failed ? "not all as they should be" : "all as they should be"}`);
Deno.exit(failed ? 1 : 0);

function micros(startMs: number, count: number): string {
  return ((performance.now() - startMs) * 1_000 / count).toFixed(1);
}
