/**
 * Where the log goes: JSON Lines on stderr, one line per event.
 *
 * @module
 */
import { configureSync, dispose, getJsonLinesFormatter, reset } from "@logtape/logtape";
import type { Terminal } from "./terminal.ts";

/** How much is logged: events of this level and above. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/**
 * Sends the log of the library to stderr. `--quiet` leaves errors only and `--verbose` adds details;
 * without them `level` decides, which is "info" for a broker and may be higher for clients, whose
 * results are told in other ways. Calling it again replaces what was configured before.
 */
export function configureLogging(terminal: Terminal, level: LogLevel = "info"): void {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  const lowestLevel = { quiet: "error", normal: level, verbose: "debug" } as const;
  configureSync({
    reset: true,
    sinks: { stderr: (record) => terminal.log(format(record).trimEnd()) },
    loggers: [
      {
        category: "ciphermq",
        lowestLevel: lowestLevel[terminal.verbosity],
        sinks: ["stderr"],
      },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}

/** Ends logging: nothing is logged afterwards. */
export async function disposeLogging(): Promise<void> {
  await dispose();
  await reset();
}
