/**
 * The program in this process: its arguments in, what it printed and its exit code out.
 *
 * @module
 */
import process from "node:process";
import { run } from "../../cli/cli.ts";

/** What one run of the program came to. */
export interface CliRun {
  /** The exit code. */
  readonly code: number;
  /** All it printed on stdout. */
  readonly stdout: string;
  /** All it printed on stderr. */
  readonly stderr: string;
}

/** Runs the program with arguments. Only one run at a time: it has the process's outputs. */
export async function runCli(...args: readonly string[]): Promise<CliRun> {
  const printed = { stdout: "", stderr: "" };
  const restore = (["stdout", "stderr"] as const).map((name) => {
    const stream = process[name];
    const write = stream.write;
    stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
      printed[name] += typeof text === "string" ? text : new TextDecoder().decode(text);
      const done = rest.find((each) => typeof each === "function");
      if (typeof done === "function") done();
      return true;
    };
    return () => {
      stream.write = write;
    };
  });
  try {
    return { code: await run(args), ...printed };
  } finally {
    for (const undo of restore) undo();
  }
}
