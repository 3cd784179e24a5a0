/**
 * The only place that prints. Data goes to stdout, everything else to stderr.
 *
 * @module
 */
import process from "node:process";

/** How much a subcommand says besides its data. */
export type Verbosity = "quiet" | "normal" | "verbose";

/** Where a subcommand's output goes. */
export class Terminal {
  static {
    // Without these, a reader that has gone would end the program, and a broker with it.
    process.stderr.on("error", () => {});
    process.stdout.on("error", (error: Error & { code?: unknown }) => {
      if (error.code !== "EPIPE") throw error;
    });
  }

  /** Set from `--quiet` and `--verbose` before a subcommand runs. */
  verbosity: Verbosity = "normal";
  /** Set from `--json`: results are JSON on stdout. */
  json = false;

  /** Whether a person looks at stderr: only then are progress bars drawn. */
  get interactive(): boolean {
    return process.stderr.isTTY === true && this.verbosity !== "quiet" && !this.json;
  }

  /** Prints one line of data. */
  data(line: string): void {
    process.stdout.write(line + "\n");
  }

  /**
   * Prints data as it is, and resolves when the system has taken it. Rejects when nobody reads it any
   * more.
   */
  write(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The failure is told to the callback too; as an event alone it would end the process.
    const ignore = () => {};
    process.stdout.on("error", ignore);
    process.stdout.write(text, (error) => {
      process.stdout.off("error", ignore);
      if (error) reject(error);
      else resolve();
    });
    return promise;
  }

  /** Tells a person something; silent with `--quiet`. */
  note(line: string): void {
    if (this.verbosity !== "quiet") process.stderr.write(line + "\n");
  }

  /** Tells a person something that only `--verbose` asks for. */
  detail(line: string): void {
    if (this.verbosity === "verbose") process.stderr.write(line + "\n");
  }

  /** Prints one line of the log; how much is logged is decided before (`cli/logging.ts`). */
  log(line: string): void {
    process.stderr.write(line + "\n");
  }

  /** Tells what failed and, where there is one, what to do next. Never silent. */
  error(message: string, hint?: string): void {
    process.stderr.write(`error: ${message}\n`);
    if (hint !== undefined) process.stderr.write(`hint: ${hint}\n`);
  }
}
