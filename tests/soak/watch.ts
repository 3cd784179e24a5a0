/**
 * What is sampled during a soak, and how much of it may grow.
 *
 * @module
 */
import { sizeOf } from "../support/waiting.ts";
import { processFacts } from "./process_facts.ts";
import { type Extreme, judge, type Judgement, type Sample, type SlopeBound } from "./slope.ts";

const MIB = 1024 * 1024;
const MEMORY: SlopeBound = { perHour: 48 * MIB, growth: 6 * MIB };
const FILES: SlopeBound = { perHour: 48 * MIB, growth: 6 * MIB };
const HANDLES: SlopeBound = { perHour: 12, growth: 2 };
/** Samples that are fitted as one, by their least. */
const WINDOW_MS = 30_000;

/** How a series is shown and judged. */
export interface Watching {
  readonly unit: "MiB" | "";
  readonly bound: SlopeBound;
  /** Default: the least. */
  readonly extreme?: Extreme;
}

/** The name of a series. */
export type SeriesName =
  | `broker: ${"memory of its own" | "resident memory" | "descriptors" | "threads"}`
  | `database${"" | " log"}`
  | `sender with spool: ${"memory of its own" | "descriptors"}`
  | `receiver: ${"memory of its own less its inbox" | "descriptors"}`;

/** What is sampled, in which unit, and how much it may grow. */
export const SERIES: Readonly<Record<SeriesName, Watching>> = {
  "broker: memory of its own": { unit: "MiB", bound: MEMORY },
  "broker: resident memory": { unit: "MiB", bound: MEMORY },
  "broker: descriptors": { unit: "", bound: HANDLES },
  "broker: threads": { unit: "", bound: HANDLES },
  "database": { unit: "MiB", bound: FILES },
  "database log": { unit: "MiB", bound: FILES, extreme: "most" },
  "sender with spool: memory of its own": { unit: "MiB", bound: MEMORY },
  "sender with spool: descriptors": { unit: "", bound: HANDLES },
  "receiver: memory of its own less its inbox": { unit: "MiB", bound: MEMORY },
  "receiver: descriptors": { unit: "", bound: HANDLES },
};

/** One series and what the fit says. */
export interface Result extends Judgement {
  readonly series: SeriesName;
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
const INBOX_BYTES = 100;

/** Samples of a soak. */
export class Watch {
  /** The samples of each series, those of each life by themselves. */
  readonly samples: Map<SeriesName, Map<number, Sample[]>> = new Map();

  /** Takes a sample of the broker in one of its lives; none while it is being restarted. */
  takeBroker({ brokerPid, database }: Watched, life: number): void {
    const broker = brokerPid === undefined ? undefined : processFacts(brokerPid);
    if (broker === undefined) return;
    this.#add("broker: memory of its own", life, broker.ownBytes);
    this.#add("broker: resident memory", life, broker.residentBytes);
    this.#add("broker: descriptors", life, broker.descriptors);
    this.#add("broker: threads", life, broker.threads);
    this.#add("database log", life, sizeOf(`${database}-wal`));
  }

  /** Takes a sample of what outlives the broker. */
  takeRest({ pids, fed, database }: Watched): void {
    this.#add("database", 0, sizeOf(database));
    const sender = processFacts(pids.sender);
    const receiver = processFacts(pids.receiver);
    if (sender === undefined || receiver === undefined) return;
    this.#add("sender with spool: memory of its own", 0, sender.ownBytes);
    this.#add("sender with spool: descriptors", 0, sender.descriptors);
    const inboxBytes = fed * INBOX_BYTES;
    this.#add("receiver: memory of its own less its inbox", 0, receiver.ownBytes - inboxBytes);
    this.#add("receiver: descriptors", 0, receiver.descriptors);
  }

  /** What the fits say. */
  judge(): Result[] {
    return [...this.samples].map(([series, lives]) => {
      const { unit, bound, extreme } = SERIES[series];
      return { series, unit, bound, ...judge([...lives.values()], bound, WINDOW_MS, extreme) };
    });
  }

  #add(series: SeriesName, life: number, value: number): void {
    const lives = this.samples.getOrInsertComputed(series, () => new Map());
    lives.getOrInsertComputed(life, () => []).push({ atMs: performance.now(), value });
  }
}

/** The results as a table. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.map((one) => {
    const shown = (value: number) => (one.unit === "MiB" ? value / MIB : value).toFixed(1);
    const minutes = (one.spanMs / 60_000).toFixed(1);
    const lives = one.livesPerHour.map(shown).join(", ");
    const cells = [one.series, one.unit, shown(one.level), minutes, lives, shown(one.perHour)];
    return `| ${[...cells, shown(one.bound.perHour), one.verdict].join(" | ")} |`;
  });
  const head =
    "| what | unit | level | minutes | per hour in each life | per hour | bound | verdict |";
  return [head, "|---|---|---|---|---|---|---|---|", ...rows].join("\n");
}
