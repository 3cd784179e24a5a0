/**
 * `ciphermq stats`: what the broker holds and has done.
 *
 * @module
 */
import type { Command } from "commander";
import { type BrokerStats, Operator } from "../lib/client/operator.ts";
import { addConnectionFlags, type ConnectionFlags, readClientSetup } from "./client_flags.ts";
import { tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Adds `stats` to the program. */
export function addStats(program: Command, terminal: Terminal): void {
  const command = program.command("stats")
    .summary("show what the broker holds and has done")
    .description(
      "Shows each queue with its messages and consumers, and the broker's counts. With --json it is " +
        "one line, as the broker said it. `refused full` counts refusals, of which one message may have " +
        "many, not losses: `send` tries again until there is room.",
    );
  addConnectionFlags(command).action(async (flags: ConnectionFlags) => {
    const operator = await Operator.connect(readClientSetup(flags).connection);
    try {
      const stats = await operator.stats();
      const lines = terminal.json ? [JSON.stringify(stats)] : statsLines(stats);
      for (const line of lines) terminal.data(line);
    } finally {
      await operator.close();
    }
  });
}

function statsLines({ queues, consumers, ...counts }: BrokerStats): string[] {
  const consumersOf = new Map(consumers);
  const rows = queues.toSorted(byName).map((
    [name, messages],
  ) => [name, messages, consumersOf.get(name) ?? 0]);
  const queueLines = tableLines([["QUEUE", "MESSAGES", "CONSUMERS"], ...rows]);
  return [...queueLines, "", ...tableLines(countsOf(counts))];
}

function byName([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : 1;
}

function countsOf(counts: object): (readonly [string, string | number])[] {
  return Object.entries(counts).flatMap(([name, value]) => {
    if (typeof value === "object" && value !== null) return countsOf(value);
    return [[name.replaceAll("_", " "), typeof value === "number" ? value : String(value)]];
  });
}
