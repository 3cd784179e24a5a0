/**
 * `ciphermq serve`: runs the broker until it is told to stop.
 *
 * @module
 */
import process from "node:process";
import type { Command } from "commander";
import { keepToOwnerCommand } from "../lib/base/configuration.ts";
import { logger } from "../lib/base/log.ts";
import { AES_KEY_VARIABLE, readServerOptions } from "../lib/server/options.ts";
import { BrokerServer } from "../lib/server/server.ts";
import { configureLogging, disposeLogging } from "./logging.ts";
import { endAtOnce, onHangUp, onStopSignal } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

/** Adds `serve` to the program. */
export function addServe(program: Command, terminal: Terminal): void {
  program.command("serve")
    .summary("run the broker")
    .description("Runs the broker until SIGTERM or SIGINT. The log is JSON Lines on stderr.")
    .option("-c, --config <file>", "the broker's configuration", "config.toml")
    .addHelpText(
      "after",
      `\nThe environment variable ${AES_KEY_VARIABLE} wins over the file's key.`,
    )
    .action(({ config }: { config: string }) => serve(config, terminal));
}

async function serve(config: string, terminal: Terminal): Promise<void> {
  const options = readServerOptions(config, {
    [AES_KEY_VARIABLE]: process.env[AES_KEY_VARIABLE],
  });
  configureLogging(terminal, options.logLevel);
  if (options.exposedKeyFile !== undefined) warnOfExposedKey(options.exposedKeyFile);
  const stopAsked = Promise.withResolvers<void>();
  const ignoreSignals = onStopSignal(stopAsked.resolve, cutOff);
  const ignoreHangUp = onHangUp(tellOfNoReload);
  try {
    const broker = await BrokerServer.start(options);
    await Promise.race([stopAsked.promise, broker.failure]);
    await broker.stop();
    // It may also have failed while it stopped.
    const failure = await Promise.race([broker.failure, undefined]);
    if (failure !== undefined) throw failure;
  } finally {
    ignoreSignals();
    ignoreHangUp();
    await disposeLogging();
  }
}

/** What is on disk stays there; clients that miss an answer ask again. */
function cutOff(): void {
  logger("server").warn("asked to stop again: the broker ends at once", {});
  endAtOnce();
}

/** A supervisor that asks for a reload must not end the broker. */
function tellOfNoReload(): void {
  logger("server").warn("SIGHUP is ignored: the configuration cannot be read again yet", {
    hint: "restart the broker: clients come back by themselves",
  });
}

/** Not refused: the original's users have such files, and an update must not keep a broker down. */
function warnOfExposedKey(file: string): void {
  logger("server").warn("the aes_key in {file} can be read by others than its owner", {
    file,
    hint: keepToOwnerCommand(file),
  });
}
