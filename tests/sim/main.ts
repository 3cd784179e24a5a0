/**
 * `deno task sim [--seed N] [--histories N] [--jobs N] [--verbose]`: lives simulated histories through and
 * checks every promise in each. With `--verbose` one history is shown line by line.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { liveHistory } from "./history.ts";
import { replayCommand, runHistories, type Tally } from "./history_run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    histories: { type: "string", default: "1000" },
    jobs: { type: "string", default: "2" },
    verbose: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const histories = Number(values.histories);

Deno.exit(values.verbose ? await show() : await run());

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
    jobs: Number(values.jobs),
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
