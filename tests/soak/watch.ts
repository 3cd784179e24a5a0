/**
 * What is sampled during a soak, and how much of it may grow.
 *
 * @module
 */
import { sizeOf } from "../support/waiting.ts";
import { processFacts } from "./process_facts.ts";
import { judge, type Judgement, type Sample, type SlopeBound } from "./slope.ts";

const MIB = 1024 * 1024;
const MEMORY: SlopeBound = { perHour: 48 * MIB, growth: 6 * MIB };
const FILES: SlopeBound = { perHour: 48 * MIB, growth: 6 * MIB };
const HANDLES: SlopeBound = { perHour: 12, growth: 2 };
/** Samples that are fitted as one, by their least. */
const WINDOW_MS = 30_000;

/** What is sampled, in which unit, and how much it may grow. */
export const SERIES = {
  "broker: memory of its own": { unit: "MiB", bound: MEMORY },
  "broker: resident memory": { unit: "MiB", bound: MEMORY },
  "broker: descriptors": { unit: "", bound: HANDLES },
  "broker: threads": { unit: "", bound: HANDLES },
  "database": { unit: "MiB", bound: FILES },
  "database log": { unit: "MiB", bound: FILES },
  "sender with spool: memory of its own": { unit: "MiB", bound: MEMORY },
  "sender with spool: descriptors": { unit: "", bound: HANDLES },
  "receiver: memory of its own less its inbox": { unit: "MiB", bound: MEMORY },
  "receiver: descriptors": { unit: "", bound: HANDLES },
} as const;

/** The name of a series. */
export type SeriesName = keyof typeof SERIES;

/** One series in one life of the broker, or over all of them, and what the fit says. */
export interface Result extends Judgement {
  readonly series: SeriesName;
  readonly part: string;
  readonly unit: string;
  readonly bound: SlopeBound;
}

/** Where to look. */
export interface Watched {
  /** The broker, while there is one. */
  readonly brokerPid: number | undefined;
  /** The sender and the receiver that are never restarted. */
  readonly pids: { readonly sender: number; readonly receiver: number };
  /** Messages that the sender was fed. */
  readonly fed: number;
  /** The broker's database. */
  readonly database: string;
}

/** What the receiver's inbox keeps of each message, in bytes: by design, up to a million messages. */
const INBOX_BYTES = 80;

/** Samples of a soak. */
export class Watch {
  /** All samples, by the part of the soak and the series. */
  readonly samples: Map<string, Map<SeriesName, Sample[]>> = new Map();
  readonly #clock = () => performance.now();

  /** Takes one sample of everything. `part` is the life of the broker; nothing while it warms up. */
  take(watched: Watched, part: string | undefined): void {
    const broker = watched.brokerPid === undefined ? undefined : processFacts(watched.brokerPid);
    if (broker !== undefined && part !== undefined) {
      this.#add(part, "broker: memory of its own", broker.ownBytes);
      this.#add(part, "broker: resident memory", broker.residentBytes);
      this.#add(part, "broker: descriptors", broker.descriptors);
      this.#add(part, "broker: threads", broker.threads);
      this.#add(part, "database log", sizeOf(`${watched.database}-wal`));
    }
    this.#add("all", "database", sizeOf(watched.database));
    const sender = processFacts(watched.pids.sender);
    const receiver = processFacts(watched.pids.receiver);
    if (sender === undefined || receiver === undefined) return;
    this.#add("all", "sender with spool: memory of its own", sender.ownBytes);
    this.#add("all", "sender with spool: descriptors", sender.descriptors);
    const inbox = watched.fed * INBOX_BYTES;
    this.#add("all", "receiver: memory of its own less its inbox", receiver.ownBytes - inbox);
    this.#add("all", "receiver: descriptors", receiver.descriptors);
  }

  /** What the fits say. */
  judge(): Result[] {
    return [...this.samples].flatMap(([part, byName]) =>
      [...byName].map(([series, samples]) => {
        const { unit, bound } = SERIES[series];
        return { series, part, unit, bound, ...judge(samples, bound, WINDOW_MS) };
      })
    );
  }

  #add(part: string, series: SeriesName, value: number): void {
    const byName = this.samples.getOrInsertComputed(part, () => new Map());
    byName.getOrInsertComputed(series, () => []).push({ atMs: this.#clock(), value });
  }
}

/** The results as a table. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.map((one) => {
    const shown = (value: number) => (one.unit === "MiB" ? value / MIB : value).toFixed(1);
    const minutes = (one.spanMs / 60_000).toFixed(1);
    const cells = [one.series, one.part, one.unit, shown(one.level), minutes, shown(one.perHour)];
    return `| ${[...cells, shown(one.bound.perHour), one.verdict].join(" | ")} |`;
  });
  const head =
    "| what | broker's life | unit | level | minutes | slope per hour | bound | verdict |";
  return [head, "|---|---|---|---|---|---|---|---|", ...rows].join("\n");
}
