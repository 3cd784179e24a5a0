/**
 * The command lines of the tasks of `deno.json` that test and measure.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const TASKS = new Map(
  Object.entries(project.tasks).flatMap(([name, { command }]) => {
    const file = /(?<= )(?:tests|bench)\/\S+\.ts$/.exec(command)?.[0];
    return file === undefined ? [] : [[name, file]];
  }),
);

/** What a task says that ends with exit code 2. */
async function refusal(task: string, ...args: readonly string[]): Promise<string> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", TASKS.get(task)!, ...args],
    cwd: ROOT,
  }).output();
  const said = new TextDecoder().decode(stderr);
  assert.equal(code, 2, `${task} ${args.join(" ")}: ${said}`);
  return said;
}

Deno.test("an option that a task does not have is answered with those that it has", async () => {
  assert(TASKS.size >= 12, `${[...TASKS.keys()]}`);
  for (const task of TASKS.keys()) {
    const own = task.startsWith("bench") ? "" : `deno task ${task} \\[--`;
    const said = await refusal(task, "--help");
    assert.match(said, RegExp(`^Unknown option '--help'\\n(?:usage: ${own}|options:\\n)`), task);
    assert.doesNotMatch(said, /^ +at /m);
  }
});

Deno.test("a task refuses numbers and names that make no sense", async () => {
  for (const number of ["0", "-1", "1.5", "x", ""]) {
    const said = await refusal("sim", `--histories=${number}`);
    assert.match(said, /^--histories .*: expected a whole number from 1 on\nusage: /);
  }
  assert.match(await refusal("soak", "--seed=-1"), /from 0 on\nusage: /);
  assert.match(await refusal("test:crash", "--only", "kills", "--only", "x"), /^--only x: /);
  assert.match(await refusal("fuzz", "more"), /^Unexpected argument 'more'.*\nusage: /);
});
