/**
 * `deno task test:mutants [--only WORDS] [--jobs N]`: plants every bug of the list, one at a time, in a
 * copy of the source, and shows which suite catches it and how fast. Fails when one survives.
 *
 * @module
 */
import { readTaskOptions, text, wholeNumber } from "../support/task_options.ts";
import type { Mutation } from "./mutation.ts";
import { copySource, hunt, runSuite, type SuiteResult } from "./mutation_run.ts";
import { MUTATIONS } from "./mutations.ts";

const { only = "", jobs } = readTaskOptions("test:mutants", {
  only: text("WORDS"),
  jobs: wholeNumber(1),
});

/** Bugs whose words have these words in them. */
const chosen = MUTATIONS.filter(({ bug }) => bug.includes(only));
if (chosen.length === 0) {
  console.error(`error: no planted bug has '${only}' in its description`);
  Deno.exit(2);
}
const survivors: string[] = [];

await withCopies(jobs, async (folders) => {
  // Without a bug everything passes: only then does a failure mean that a bug was caught.
  const suites = new Set(chosen.flatMap(({ suites }) => suites));
  await shareOut([...suites], folders, requireGreen);
  console.log("| planted bug | caught by | in the test | after |\n| --- | --- | --- | --- |");
  await shareOut(chosen, folders, report);
});
console.log(`\n${chosen.length - survivors.length} of ${chosen.length} planted bugs caught`);
for (const bug of survivors) console.log(`not caught: ${bug}`);
Deno.exit(survivors.length === 0 ? 0 : 1);

async function withCopies(
  jobs: number,
  work: (folders: readonly string[]) => Promise<void>,
): Promise<void> {
  const folders: string[] = [];
  try {
    for (let job = 0; job < jobs; job++) folders.push(await copySource());
    await work(folders);
  } finally {
    for (const folder of folders) await Deno.remove(folder, { recursive: true });
  }
}

/** Each folder takes the next item when it is done with its last one. */
async function shareOut<T>(
  items: readonly T[],
  folders: readonly string[],
  work: (folder: string, item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  await Promise.all(folders.map(async (folder) => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await work(folder, item);
    }
  }));
}

async function requireGreen(folder: string, suite: string): Promise<void> {
  const { caught, by } = await runSuite(folder, suite);
  if (caught) throw new Error(`${suite} fails without any bug: ${by}`);
}

async function report(folder: string, mutation: Mutation): Promise<void> {
  const results: SuiteResult[] = await hunt(folder, mutation);
  const last = results.at(-1);
  const seconds = (results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1);
  if (last?.caught) {
    console.log(`| ${mutation.bug} | ${last.suite} | ${last.by} | ${seconds} s |`);
    return;
  }
  survivors.push(mutation.bug);
  console.log(`| ${mutation.bug} | **nothing** | | ${seconds} s |`);
}
