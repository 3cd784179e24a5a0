/**
 * `deno task sim [--seed N] [--histories N] [--jobs N] [--verbose]`: lives simulated histories through and
 * checks every promise in each. With `--verbose` one history is shown line by line.
 *
 * @module
 */
import { freshSeed } from "../support/seed.ts";
import { FLAG, readTaskOptions, wholeNumber } from "../support/task_options.ts";
import { liveHistory } from "./history.ts";
import { replayCommand, runHistories, type Tally } from "./history_run.ts";

const { seed, histories, jobs, verbose } = readTaskOptions("sim", {
  seed: wholeNumber(freshSeed(), 0),
  histories: wholeNumber(1_000),
  jobs: wholeNumber(2),
  verbose: FLAG,
});

Deno.exit(verbose ? await show() : await run());

/** Histories one after another, with all that happens in them. */
async function show(): Promise<number> {
  let broken = 0;
  for (let n = 0; n < histories; n++) {
    const trace: string[] = [];
    const { violations } = await liveHistory(seed + n, trace);
    console.log(trace.join("\n"));
    console.log(violations.length === 0 ? "every promise was kept" : violations.join("\n"));
    broken += violations.length;
  }
  return broken === 0 ? 0 : 1;
}

async function run(): Promise<number> {
  const startMs = performance.now();
  let told = 0;
  const tally = await runHistories({
    seed,
    histories,
    jobs,
    onProgress: (done) => {
      if (done - told < 10_000) return;
      told = done;
      console.error(`${done} of ${histories}, ${elapsed(startMs)} s`);
    },
  });
  print(tally, elapsed(startMs));
  return tally.failure === undefined ? 0 : 1;
}

function elapsed(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(1);
}

function print(tally: Tally, seconds: string): void {
  console.log(`${tally.histories} histories from seed ${seed} in ${seconds} s`);
  console.log(
    `${tally.events} events, ${tally.lines} lines, ${tally.accepted} messages stored, ` +
      `${tally.unknown} of unknown outcome, ${
        (tally.simulatedMs / 3_600_000).toFixed(1)
      } h simulated`,
  );
  console.log("| fault | happened |\n| --- | --- |");
  for (const [fault, count] of tally.faults) console.log(`| ${fault} | ${count} |`);
  console.log(tally.failure ?? `every promise was kept; any of them again: ${replayCommand(seed)}`);
}
