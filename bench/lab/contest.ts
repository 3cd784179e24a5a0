/**
 * Every workload through every broker, in turn, again and again: whatever else the machine does
 * meanwhile, it does to all of them.
 *
 * @module
 */
import { Workspace } from "../../tests/support/workspace.ts";
import type { Workload } from "../load/task.ts";
import type { Server } from "../servers/server.ts";
import { measureBaseline } from "./baseline.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import type { BenchOptions } from "./options.ts";
import { type Figures, runOnce } from "./run.ts";

/** A broker, and what its clients do with the texts. */
export interface Contestant {
  /** The broker. */
  readonly server: Server;
  /** Whether texts are encrypted from end to end. */
  readonly sealed: boolean;
}

/** One workload's runs through one broker. */
export interface Series {
  /** The broker's name. */
  readonly server: string;
  /** Whether texts were encrypted from end to end. */
  readonly sealed: boolean;
  /** Bytes of a text. */
  readonly size: number;
  /** Messages per second; 0 was as fast as the window allows. */
  readonly rate: number;
  /** What each run came to. */
  readonly runs: Figures[];
}

/** What was measured. */
export interface Contest {
  /** All series, in the order of the contestants. */
  readonly series: readonly Series[];
  /** For each size, messages per second of SQLite alone, run by run. */
  readonly baselines: ReadonlyMap<number, readonly number[]>;
  /** What could not be measured, and why. */
  readonly skipped: readonly string[];
}

/** Unacknowledged messages of the sender, and deliveries under way to the receiver. */
const FLOW = { window: 5_000, prefetch: 2_000 };

/** Runs everything. Throws when CipherMQ itself fails; another broker that fails is left out. */
export async function hold(
  contestants: readonly Contestant[],
  options: BenchOptions,
): Promise<Contest> {
  using interruption = new Interruption();
  const skipped = new Set<string>();
  const baselines = new Map<number, number[]>(options.sizes.map((size) => [size, []]));
  const entries = contestants.map((contestant) => ({
    contestant,
    series: seriesOf(contestant, options),
  }));
  for (let run = 1; run <= options.runs; run++) {
    for (const [size, rates] of baselines) rates.push(measureBaseline(options.messages, size));
    for (const { contestant: { server, sealed }, series } of entries) {
      const missing = server.missing();
      if (missing !== undefined) skipped.add(`${server.name}: ${missing}`);
      else {
        console.error(
          `run ${run} of ${options.runs}: ${server.name}${sealed ? ", encrypted" : ""}`,
        );
        const why = await attempt(() => runAll(server, series, options, interruption));
        if (why !== undefined && server.client === "ciphermq") throw why;
        if (why !== undefined) skipped.add(`${server.name}: ${why.message}`);
      }
    }
  }
  return {
    series: entries.flatMap(({ series }) => series).filter(({ runs }) => runs.length > 0),
    baselines,
    skipped: [...skipped],
  };
}

function seriesOf({ server, sealed }: Contestant, { sizes, rates }: BenchOptions): Series[] {
  return sizes.flatMap((size) =>
    rates.map((rate) => ({ server: server.name, sealed, size, rate, runs: [] }))
  );
}

/** What made it fail, unless it was interrupted. */
async function attempt(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Interrupted || !(error instanceof Error)) throw error;
    return error;
  }
}

/** One run of each series through one process of the broker. */
async function runAll(
  server: Server,
  series: readonly Series[],
  options: BenchOptions,
  interruption: Interruption,
): Promise<void> {
  await using workspace = await Workspace.make();
  const running = await server.start(workspace);
  try {
    for (const one of series) {
      const workload = workloadOf(server, one, options);
      one.runs.push(await interruption.over(runOnce(server, running, workspace, workload)));
    }
  } finally {
    await running.stop();
  }
}

function workloadOf(server: Server, series: Series, options: BenchOptions): Workload {
  const { size, rate, sealed } = series;
  const most = rate === 0 ? options.messages : rate * options.seconds;
  const messages = Math.min(options.messages, most);
  const qos = server.qos === undefined ? {} : { qos: server.qos };
  return { ...FLOW, messages, size, rate, sealed, ...qos };
}
