/**
 * `deno task soak [--minutes N] [--seed N] [--json FILE]`: the real program under mixed load, sampled. Its
 * exit code is 1 if something grows or a promise was not kept.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { freshSeed } from "../support/seed.ts";
import { soak } from "./soak.ts";
import { tableOf } from "./watch.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string", default: String(freshSeed()) },
    json: { type: "string" },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
console.error(`a soak of ${minutes} minutes, seed ${seed}`);
const { results, broken, counts, watch } = await soak({ minutes, seed });
if (values.json !== undefined) {
  const samples = Object.fromEntries(
    watch.samples.entries().map(([series, lives]) => [series, [...lives.values()]]),
  );
  const report = { minutes, seed, results, broken, counts, samples };
  Deno.writeTextFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
console.log(tableOf(results));
console.log();
for (const [what, count] of Object.entries(counts)) console.log(`${what}: ${count}`);
for (const what of broken) console.log(`BROKEN: ${what}`);
const growing = results.filter(({ verdict }) => verdict === "grows");
for (const { series } of growing) console.log(`GROWS: ${series}`);
if (broken.length + growing.length > 0) Deno.exitCode = 1;
