/**
 * `deno task soak [--minutes N] [--seed N] [--json FILE]`: the real program under mixed load, sampled. Its
 * exit code is 1 if something grows or a promise was not kept.
 *
 * @module
 */
import { freshSeed } from "../support/seed.ts";
import { readTaskOptions, text, wholeNumber } from "../support/task_options.ts";
import { soak } from "./soak.ts";
import { tableOf } from "./watch.ts";

const { minutes, seed, json } = readTaskOptions("soak", {
  minutes: wholeNumber(30),
  seed: wholeNumber(freshSeed(), 0),
  json: text("FILE"),
});
// Now rather than after hours: the samples need a place.
if (json !== undefined) Deno.writeTextFileSync(json, "");
console.error(`a soak of ${minutes} minutes, seed ${seed}`);
const { results, broken, counts, watch } = await soak({ minutes, seed });
if (json !== undefined) {
  const samples = Object.fromEntries(
    watch.samples.entries().map(([series, lives]) => [series, [...lives.values()]]),
  );
  const report = { minutes, seed, results, broken, counts, samples };
  Deno.writeTextFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
}
console.log(tableOf(results));
console.log();
for (const [what, count] of Object.entries(counts)) console.log(`${what}: ${count}`);
for (const what of broken) console.log(`BROKEN: ${what}`);
const growing = results.filter(({ verdict }) => verdict === "grows");
for (const { series } of growing) console.log(`GROWS: ${series}`);
if (broken.length + growing.length > 0) Deno.exitCode = 1;
