/**
 * Runs suites on a copy of the source with a bug in it.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Mutation, plant } from "./mutation.ts";

/** How one suite ended. */
export interface SuiteResult {
  /** The suite. */
  readonly suite: string;
  /** Whether a test failed, or the suite did not end in time. */
  readonly caught: boolean;
  /** The first test that failed, or what else happened. */
  readonly by: string;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/** A suite that takes longer than this has been made to hang by the bug, in milliseconds. */
const SUITE_TIMEOUT_MS = 120_000;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Copies every file that the repository has, as it is now, to a new folder. */
export async function copySource(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "ciphermq-mutants-" });
  for (const file of await filesOf(ROOT)) {
    const target = join(folder, file);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(join(ROOT, file), target);
  }
  return folder;
}

async function filesOf(root: string): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: root,
  }).output();
  if (!success) throw new Error("git does not list the source: run this in a checkout");
  const files = new TextDecoder().decode(stdout).split("\0").filter((file) => file !== "");
  const there = await Promise.all(files.map(async (file) => {
    // A link, like a file that is removed and not yet committed, is nothing to copy.
    const info = await Deno.lstat(join(root, file)).catch(() => undefined);
    return info?.isFile ?? false;
  }));
  return files.filter((_, at) => there[at]);
}

/** Plants a bug and runs its suites until one catches it. Gives how each ended. */
export async function hunt(folder: string, mutation: Mutation): Promise<SuiteResult[]> {
  const heal = await plant(folder, mutation);
  const results: SuiteResult[] = [];
  try {
    for (const suite of mutation.suites) {
      const result = await runSuite(folder, suite);
      results.push(result);
      if (result.caught) break;
    }
    return results;
  } finally {
    await heal();
  }
}

/** Runs one suite. Throws when it could not run at all: a bug that does not load is none. */
export async function runSuite(folder: string, suite: string): Promise<SuiteResult> {
  const startedMs = performance.now();
  const child = new Deno.Command("deno", {
    args: ["test", "--no-prompt", "--allow-all", "--no-check", "--fail-fast", suite],
    cwd: folder,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, SUITE_TIMEOUT_MS);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const ms = Math.round(performance.now() - startedMs);
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (late) return { suite, caught: true, by: "it never ends", ms };
  if (success) return { suite, caught: false, by: "", ms };
  const by = firstFailure(said);
  if (by === undefined) throw new Error(`${suite} did not run:\n${said.slice(-2_000)}`);
  return { suite, caught: true, by, ms };
}

/** The name of the first failed test in what `deno test` said. */
export function firstFailure(said: string): string | undefined {
  const errors = said.slice(said.indexOf("\n ERRORS "));
  const named = /^(.+?) => \.\/\S+:\d+:\d+$/m.exec(errors)?.[1];
  if (named !== undefined) return named;
  // Some bugs end the process that runs the tests.
  return /\d+ passed .*\| [1-9]\d* failed/.test(said) ? "the suite as a whole" : undefined;
}
