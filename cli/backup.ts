/**
 * `ciphermq backup`: a copy of a running broker's database, in a file on this machine.
 *
 * @module
 */
import type { Command } from "commander";
import { CipherMqError } from "../lib/base/errors.ts";
import { BackupFile } from "../lib/client/backup_file.ts";
import { Operator } from "../lib/client/operator.ts";
import { addConnectionFlags, type ConnectionFlags, readClientSetup } from "./client_flags.ts";
import { Progress } from "./progress.ts";
import { onStopSignal } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

interface BackupFlags extends ConnectionFlags {
  readonly force?: true;
}

/** Who `init` makes an admin. */
const DEFAULT_ADMIN = "admin";
const MEBIBYTE = 1024 * 1024;

/** Adds `backup` to the program. */
export function addBackup(program: Command, terminal: Terminal): void {
  const command = program.command("backup")
    .summary("copy a running broker's database to a file")
    .description(
      "Copies the database of a running broker, as it is after its last commit, to FILE on this " +
        "machine, while the broker goes on. Connects as admin unless --as names another; the broker " +
        "lets only those do it that its config.toml lists under [acl] admins. FILE is there only once " +
        "it is whole and checked.",
    )
    .argument("<FILE>", "the file to make, readable by you alone");
  addConnectionFlags(command)
    .option("--force", "replace FILE")
    .action((file: string, flags: BackupFlags) => backUp(file, flags, terminal));
}

async function backUp(path: string, flags: BackupFlags, terminal: Terminal): Promise<void> {
  const setup = readClientSetup({ ...flags, as: flags.as ?? DEFAULT_ADMIN });
  const operator = await Operator.connect(setup.connection);
  try {
    const file = await BackupFile.create(path, flags.force === true);
    await fill(file, operator, terminal);
    tell(path, file.bytes, terminal);
  } catch (error) {
    throw withAdvice(error, setup.identity);
  } finally {
    await operator.close();
  }
}

/** Makes the whole file, or leaves nothing of it, also when a person stops it. */
async function fill(file: BackupFile, operator: Operator, terminal: Terminal): Promise<void> {
  let interrupted = false;
  const ignoreSignals = onStopSignal(() => {
    interrupted = true;
    void operator.close();
  });
  try {
    await copy(operator, file, terminal);
    await file.finish();
  } catch (error) {
    await file.discard();
    throw interrupted ? interruption() : error;
  } finally {
    ignoreSignals();
  }
}

async function copy(operator: Operator, file: BackupFile, terminal: Terminal): Promise<void> {
  const bytes = await operator.beginBackup();
  const progress = new Progress(terminal, Math.ceil(bytes / MEBIBYTE), "MiB copied");
  progress.start();
  try {
    while (file.bytes < bytes) {
      await file.append(await operator.readBackup(file.bytes));
      progress.update(Math.ceil(file.bytes / MEBIBYTE));
    }
  } finally {
    progress.stop();
  }
  if (file.bytes > bytes) {
    throw new CipherMqError("protocol", "the broker sent more than the backup has");
  }
  await operator.endBackup();
}

function interruption(): CipherMqError {
  return new CipherMqError("connection", "the backup was interrupted", {
    hint: "no file was made",
  });
}

function withAdvice(error: unknown, identity: string): unknown {
  if (!(error instanceof CipherMqError)) return error;
  if (error.code === "connection" && error.hint === undefined) {
    const hint = "no file was made; try again when the broker runs";
    return new CipherMqError(error.code, error.message, { hint, cause: error });
  }
  if (error.code !== "access_denied") return error;
  return new CipherMqError(error.code, error.message, {
    hint: `add "${identity}" to [acl] admins in the broker's config.toml and restart the broker, ` +
      "or say with --as which admin to be",
    cause: error,
  });
}

function tell(path: string, bytes: number, terminal: Terminal): void {
  if (terminal.json) terminal.data(JSON.stringify({ file: path, bytes }));
  terminal.note(`backed up ${bytes} bytes to ${path}`);
  terminal.note("to restore it:");
  terminal.note("  1. stop the broker");
  terminal.note("  2. move its database and, if there is one, the database's -wal file away");
  terminal.note(`  3. copy ${path} to where the database was`);
  terminal.note("  4. start the broker with the same config.toml: the copy needs the same aes_key");
}
