/**
 * Broker, sender and receiver killed (SIGKILL) under load, each strike some of them at once.
 *
 * @module
 */
import type { Random } from "../fuzz/random.ts";
import { sizeOf } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";
import { CrashLoad, type Target } from "./crash_load.ts";

/** Strikes between two looks at everything. */
const SEGMENT = 10;
/** Strikes of one workspace. */
const ROUND = 100;
const TARGETS: readonly Target[] = ["broker", "sender", "receiver"];

/** What was struck, and what was promised to be there all the same, and is. */
export interface Strikes {
  cycles: number;
  struck: number;
  messages: number;
}

/** Strikes `cycles` times. Throws for a promise that was not kept. */
export async function killUnderLoad(cycles: number, random: Random): Promise<Strikes> {
  const all: Strikes = { cycles: 0, struck: 0, messages: 0 };
  while (all.cycles < cycles) {
    await using workspace = await Workspace.make({ clients: CrashLoad.clients });
    const load = await CrashLoad.start(workspace);
    const round = Math.min(ROUND, cycles - all.cycles);
    for (let done = 0; done < round; done += SEGMENT) {
      const strikes = Math.min(SEGMENT, round - done);
      await load.segment(strikes, () => strike(load, random));
      all.cycles += strikes;
    }
    if (cycles > ROUND) console.error(`${all.cycles} of ${cycles} kills`);
    all.struck += load.struck;
    all.messages += load.messages;
  }
  return all;
}

async function strike(load: CrashLoad, random: Random): Promise<void> {
  const first = random.pick(TARGETS);
  const targets = TARGETS.filter((target) => target === first || random.oneIn(3));
  await load.kill(targets);
  await load.restart(targets);
}

/** The control: a strike after which the log's second half is missing. Throws as it should. */
export async function killAndCutLog(): Promise<void> {
  await using workspace = await Workspace.make({ clients: CrashLoad.clients });
  const load = await CrashLoad.start(workspace);
  const log = workspace.path("broker.db-wal");
  await load.segment(1, async () => {
    await load.kill(["broker"]);
    Deno.truncateSync(log, Math.floor(sizeOf(log) / 2));
    await load.restart(["broker"]);
  });
}
