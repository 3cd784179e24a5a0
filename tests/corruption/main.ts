/**
 * The long run: `deno task test:corruption [--seed N] [--count N]`. Every fiftieth damage meets the real
 * program as well.
 *
 * @module
 */
import { readTaskOptions, wholeNumber } from "../support/task_options.ts";
import { ProgramTrial } from "./program.ts";
import { type Outcome, Trial } from "./trial.ts";

const { seed, count, from } = readTaskOptions("test:corruption", {
  seed: wholeNumber(1, 0),
  count: wholeNumber(2_000),
  from: wholeNumber(0, 0),
});
const EVERY = 50;
const folder = Deno.makeTempDirSync({ prefix: "ciphermq-corruption-" });
const tally: Record<`${"" | "-wal"} ${Outcome}` | string, number> = {};
let failed = 0;
try {
  const aesKey = new Uint8Array(32).fill(7);
  const trial = await Trial.make({ path: `${folder}/broker.db`, aesKey });
  await using program = await ProgramTrial.make();
  for (let i = from; i < from + count; i++) {
    const done = trial.damaged(seed, i);
    try {
      note(done.file === "" ? "database" : "log", await trial.outcomeOf(done));
      if (i % EVERY === 0) note("program", await program.run(seed, i));
    } catch (error) {
      failed++;
      console.error(`${done.file || "database"}: ${done.what}: ${error}`);
      console.error(`again: deno task test:corruption --seed ${seed} --from ${i} --count 1`);
    }
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
for (const [what, times] of Object.entries(tally).sort()) console.log(`${what}: ${times}`);
console.log(`${count} damages, ${failed} with an outcome that is not allowed`);
Deno.exit(failed === 0 ? 0 : 1);

function note(what: string, outcome: Outcome): void {
  const key = `${what} ${outcome}`;
  tally[key] = (tally[key] ?? 0) + 1;
}
