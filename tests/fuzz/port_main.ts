/**
 * The long run at the port: `deno task fuzz:port [--seed N] [--count N]`.
 *
 * @module
 */
import { readTaskOptions, wholeNumber } from "../support/task_options.ts";
import { knockAll } from "./port.ts";

const { seed, count } = readTaskOptions("fuzz:port", {
  seed: wholeNumber(1, 0),
  count: wholeNumber(10_000),
});
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
const { kinds, served, longestMs, files, memory } = await knockAll(seed, count);
const megabytes = memory.map((bytes) => Math.round(bytes / 2 ** 20));
console.log([...kinds].map(([kind, times]) => `${kind}: ${times}`).join(", "));
console.log(`longest ${Math.round(longestMs)} ms; a certified client was served ${served} times`);
console.log(`open files ${files.join(" -> ")}, resident ${megabytes.join(" -> ")} MiB`);
const isClean = files[1] <= files[0] && memory[1] - memory[0] < MAX_GROWTH_BYTES;
console.log(isClean ? "nothing was left" : "something was left");
Deno.exit(isClean ? 0 : 1);
