/**
 * The long crash suites: `deno task test:crash [--cycles N] [--only NAME]… [--seed N]`. Prints what each
 * did and how long it took; its exit code is 1 if one of them found something.
 *
 * @module
 */
import { Random } from "../fuzz/random.ts";
import { BrokenPromise } from "../support/promises.ts";
import { freshSeed } from "../support/seed.ts";
import { readTaskOptions, someOf, wholeNumber } from "../support/task_options.ts";
import { hasEatmydata, hasStrace } from "../support/fault_tools.ts";
import { recordCommits, tryCrashStates } from "./crash_states.ts";
import { FaultyDisk } from "./io_faults.ts";
import { killAndCutLog, killUnderLoad, type Strikes } from "./kills.ts";
import { hasLoopDisks } from "./loop_disk.ts";
import { cutPower } from "./power_cuts.ts";

const CYCLES = 1_000;
const STATES_PER_CYCLE = 20;
const CYCLES_PER_CUT = 10;

/** Does as much as so many cycles ask for. Gives what it did; throws for what it found. */
type Suite = (cycles: number, seed: number) => Promise<string>;

const SUITES: Readonly<Record<string, Suite>> = {
  states: async (cycles, seed) => {
    if (!hasStrace()) return "skipped: needs strace";
    const count = cycles * STATES_PER_CYCLE;
    const found = await tryCrashStates(await recordCommits("FULL"), count, seed);
    if (found.lost > 0 || found.broken.length > 0) {
      throw new Error(`${found.lost} states lost commits; ${found.broken.join("\n")}`);
    }
    const control = await tryCrashStates(await recordCommits("NORMAL"), cycles, seed);
    if (control.lost === 0) throw new Error("control: synchronous=NORMAL lost nothing");
    return `${found.states} states, ${found.inFlight} of them with the commit under way; ` +
      `control: ${control.lost} of ${control.states} lost commits`;
  },
  faults: async (cycles, seed) => {
    if (!hasStrace()) return "skipped: needs strace";
    return await failCalls(cycles, new Random(seed));
  },
  power: async (cycles) => {
    if (!await hasLoopDisks()) return "skipped: needs root and loop devices";
    const told = tell(await cutPower(Math.ceil(cycles / CYCLES_PER_CUT)));
    if (!hasEatmydata()) return `${told}; control skipped: needs eatmydata`;
    const lost = await broken(cutPower(1, { through: ["eatmydata"] }));
    return `${told}; control: ${lost}`;
  },
  kills: async (cycles, seed) => {
    const told = tell(await killUnderLoad(cycles, new Random(seed)));
    return `${told}; control: ${await broken(killAndCutLog())}`;
  },
};

/** Lets so many of each thousand calls fail, each once with each error. */
async function failCalls(cycles: number, random: Random): Promise<string> {
  await using disk = await FaultyDisk.make();
  const tally = new Map<string, number>();
  const found: string[] = [];
  for (const fault of await disk.faults()) {
    if (random.below(CYCLES) >= cycles) continue;
    try {
      const key = await disk.try(fault);
      tally.set(key, (tally.get(key) ?? 0) + 1);
    } catch (error) {
      found.push(`${JSON.stringify(fault)}: ${error}`);
      console.error(found.at(-1));
    }
  }
  const told = [...tally].toSorted().map(([key, count]) => `${count} ${key}`).join("; ");
  if (found.length > 0) throw new Error(`${found.length} faults, beside ${told}`);
  if (await disk.lie(60).then(() => true, () => false)) throw new Error("control: nothing noticed");
  return `${told}; control: the lost writes were noticed`;
}

function tell({ cycles, struck, messages }: Strikes): string {
  return `${cycles} cycles, ${struck} processes struck, ${messages} messages`;
}

/** How a control failed. Throws if it did not. */
async function broken(control: Promise<unknown>): Promise<string> {
  try {
    await control;
  } catch (error) {
    if (error instanceof BrokenPromise) return error.message;
    throw error;
  }
  throw new Error("the control found nothing");
}

const { cycles, only, seed } = readTaskOptions("test:crash", {
  cycles: wholeNumber(CYCLES),
  only: someOf(Object.keys(SUITES)),
  seed: wholeNumber(freshSeed(), 0),
});
for (const name of only) {
  const startMs = performance.now();
  console.error(`${name}: ${cycles} cycles, seed ${seed}`);
  let result;
  try {
    result = await SUITES[name]!(cycles, seed);
  } catch (error) {
    Deno.exitCode = 1;
    result = `FAILED: ${error}`;
  }
  console.log(`${name}: ${result} (${Math.round((performance.now() - startMs) / 1000)} s)`);
}
