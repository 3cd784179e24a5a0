/**
 * Numbers as Markdown tables.
 *
 * @module
 */
import type { Contest, Series } from "./contest.ts";
import { type FigureName, type Figures, median, medians } from "./run.ts";

const MIB = 1024 * 1024;
const PERCENTILES = ["p50", "p99", "p999"] as const;
const PROCESSES = ["sender", "broker", "receiver"] as const;

/** Rows with a head, as Markdown. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, column) => column === 0 ? "---" : "--:"));
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** A whole number with its thousands apart. */
export function grouped(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

/** All about one broker, a workload in each row. */
export function workloadTable(series: readonly Series[]): string {
  const head = ["workload", "messages/s", "published/s", "ACK p50 / p99 / p99.9 ms"].concat(
    "delivery p50 / p99 / p99.9 ms",
    "CPU s sender / broker / receiver",
    "peak MiB sender / broker / receiver",
  );
  return markdown(
    head,
    series.map(({ size, rate, runs }) => {
      const figures = medians(runs);
      return [
        `${size} B, ${rate === 0 ? "saturated" : `${grouped(rate)}/s`}`,
        grouped(figures.messages_per_second),
        grouped(figures.publishes_per_second),
        latencies(figures, "ack"),
        latencies(figures, "delivery"),
        several(PROCESSES.map((name) => figures[`${name}_cpu_seconds`].toFixed(1))),
        several(PROCESSES.map((name) => grouped(figures[`${name}_peak_bytes`] / MIB))),
      ];
    }),
  );
}

/** What part of the speed of SQLite alone the whole data path has. */
export function baselineTable({ series, baselines }: Contest): string {
  const saturated = series.filter(({ rate }) => rate === 0);
  return markdown(
    ["data path", "messages/s", "SQLite alone, messages/s", "ratio"],
    saturated.map(({ size, runs }) => {
      const alone = baselines.get(size)!;
      const rates = runs.map((run) => run.messages_per_second);
      const ratios = rates.map((rate, run) => rate / alone[run]!);
      return [
        `${size} B`,
        grouped(median(rates)),
        grouped(median(alone)),
        median(ratios).toFixed(3),
      ];
    }),
  );
}

/** All brokers with one workload; `ours` is CipherMQ's series of it. */
export function peerTable(series: readonly Series[], ours: Series): string {
  const head = ["broker", "payload", "messages/s", "CipherMQ is so many times as fast"].concat(
    "ACK p50 / p99 ms",
    "delivery p50 / p99 ms",
    "CPU s sender / broker / receiver",
    "broker peak MiB",
  );
  return markdown(
    head,
    series.map((one) => {
      const figures = medians(one.runs);
      return [
        one.server,
        one.sealed ? "encrypted" : "plain",
        grouped(figures.messages_per_second),
        // Run by run, because what disturbed one disturbed the other.
        median(pairs(one.runs, ours.runs)).toFixed(2),
        latencies(figures, "ack", ["p50", "p99"]),
        latencies(figures, "delivery", ["p50", "p99"]),
        several(PROCESSES.map((name) => figures[`${name}_cpu_seconds`].toFixed(1))),
        grouped(figures.broker_peak_bytes / MIB),
      ];
    }),
  );
}

function pairs(theirs: readonly Figures[], ours: readonly Figures[]): number[] {
  return theirs.map((run, index) => ours[index]!.messages_per_second / run.messages_per_second);
}

function latencies(
  figures: Figures,
  what: "ack" | "delivery",
  percentiles: readonly (typeof PERCENTILES)[number][] = PERCENTILES,
): string {
  const names = percentiles.map((percentile): FigureName => `${what}_${percentile}_ms`);
  return several(names.map((name) => figures[name].toFixed(figures[name] < 10 ? 2 : 0)));
}

function several(numbers: readonly string[]): string {
  return numbers.join(" / ");
}
