/**
 * The only place that prints. Data goes to stdout, everything else to stderr.
 *
 * @module
 */
import process from "node:process";
import { systemError, systemReason } from "../lib/base/system_error.ts";
import { asCalled } from "./program_name.ts";

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
    try {
      process.stdout.write(line + "\n");
    } catch (cause) {
      throw outputError(cause);
    }
  }

  /**
   * Prints data as it is, and resolves when the system has taken it, while all else goes on: a pipe
   * that nobody reads would stop the whole program otherwise. Rejects when nobody reads it any more.
   */
  async write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let done = 0; done < bytes.length;) {
        done += await Deno.stdout.write(bytes.subarray(done));
      }
    } catch (cause) {
      throw outputError(cause);
    }
  }

  /** Tells a person something; silent with `--quiet`. */
  note(line: string): void {
    if (this.verbosity !== "quiet") this.#say(line);
  }

  /** Tells a person something that only `--verbose` asks for. */
  detail(line: string): void {
    if (this.verbosity === "verbose") this.#say(line);
  }

  /** Prints one line of the log; how much is logged is decided before (`cli/logging.ts`). */
  log(line: string): void {
    this.#say(line);
  }

  /** Tells what failed and, where there is one, what to do next. Never silent. */
  error(message: string, hint?: string): void {
    this.#say(`error: ${message}`);
    if (hint !== undefined) this.#say(`hint: ${asCalled(hint)}`);
  }

  /** A full disk under the log is no reason to end a broker, and there is nobody to tell. */
  #say(line: string): void {
    try {
      process.stderr.write(line + "\n");
    } catch (error) {
      if (systemReason(error) === undefined) throw error;
    }
  }
}

/** A reader that has gone is the reader's choice, and known by its own error. */
function outputError(cause: unknown): unknown {
  if ((cause as { code?: unknown }).code === "EPIPE") return cause;
  return systemError("storage", "cannot write to stdout", cause);
}
