/**
 * The program `ciphermq`: its subcommands, its help, and what its failures look like.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { AssertionError } from "../lib/base/assert.ts";
import { CipherMqError } from "../lib/base/errors.ts";
import { systemReason } from "../lib/base/system_error.ts";
import project from "../deno.json" with { type: "json" };
import { addBackup } from "./backup.ts";
import { addDeadLetters } from "./dead_letters.ts";
import { addDeclareQueue } from "./declare_queue.ts";
import { addDemo } from "./demo.ts";
import { exitCodeOf } from "./exit_code.ts";
import { addGenCerts } from "./gen_certs.ts";
import { addInit } from "./init.ts";
import { addKeygen } from "./keygen.ts";
import { addReceive } from "./receive.ts";
import { addSend } from "./send.ts";
import { addServe } from "./serve.ts";
import { addStats } from "./stats.ts";
import { Terminal } from "./terminal.ts";

/** Adds one subcommand to the program. Each file of this folder that is one exports such a function. */
export type AddSubcommand = (program: Command, terminal: Terminal) => void;

const SUBCOMMANDS: readonly AddSubcommand[] = [
  addInit,
  addServe,
  addSend,
  addReceive,
  addDeclareQueue,
  addDeadLetters,
  addStats,
  addBackup,
  addKeygen,
  addGenCerts,
  addDemo,
];

/** Runs the program with its arguments and gives the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const terminal = new Terminal();
  const program = new Command("ciphermq")
    .description("An end-to-end-encrypted, mTLS-only, durable message broker and its clients.")
    .version(project.version)
    .option("--json", "print results as JSON")
    .addOption(new Option("-q, --quiet", "print data and errors only").conflicts("verbose"))
    .option("-v, --verbose", "say more, and of failures what the system said")
    .exitOverride()
    .showHelpAfterError("hint: --help shows what is possible")
    .configureHelp({ showGlobalOptions: true })
    .hook("preAction", (command) => {
      const flags = command.opts<{ json?: true; quiet?: true; verbose?: true }>();
      terminal.json = flags.json === true;
      terminal.verbosity = flags.quiet ? "quiet" : flags.verbose ? "verbose" : "normal";
    });
  for (const add of SUBCOMMANDS) add(program, terminal);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has already printed its own text.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    // Who read the output has what it wanted: nothing to tell, and nobody to tell it to.
    if (!isBrokenPipe(error)) tell(error, terminal);
    return exitCodeOf(error);
  }
}

function tell(error: unknown, terminal: Terminal): void {
  const reason = systemReason(error);
  if (error instanceof CipherMqError) {
    terminal.error(error.message, error.hint);
    const { cause } = error;
    // Any other text may quote what it was given.
    if (systemReason(cause) !== undefined) terminal.detail(`cause: ${(cause as Error).message}`);
  } else if (reason === undefined) terminal.error(describeUnexpected(error));
  else {
    // Where nobody foresaw it, the system's own text tells which file it was.
    terminal.error(`cannot go on: ${reason.why} (${(error as Error).message})`, reason.hint);
  }
}

/**
 * What kind of error it is and where it was thrown. Its text only if it is this project's: another
 * one may quote what it was given, which may be a secret.
 */
function describeUnexpected(error: unknown): string {
  if (!(error instanceof Error)) return `unexpected ${typeof error}`;
  const hasKnownText = error instanceof AssertionError;
  const places = error.stack?.split("\n").filter((line) => /^ +at /.test(line)) ?? [];
  return [hasKnownText ? error.message : `unexpected ${error.name}`, ...places].join("\n");
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "EPIPE";
}
