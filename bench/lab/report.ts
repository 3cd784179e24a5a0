/**
 * Writes what a benchmark found where it was asked to.
 *
 * @module
 */
import type { Contest } from "./contest.ts";
import type { Machine } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import { medians } from "./run.ts";

/** Writes all numbers as JSON, if a file was named. */
export function writeJson(machine: Machine, contest: Contest, options: BenchOptions): void {
  if (options.json === undefined) return;
  const { series, baselines, skipped } = contest;
  const report = {
    machine,
    options,
    series: series.map((one) => ({ ...one, median: medians(one.runs) })),
    sqlite_messages_per_second: Object.fromEntries(baselines),
    skipped,
  };
  Deno.writeTextFileSync(options.json, JSON.stringify(report, null, 2) + "\n");
}
