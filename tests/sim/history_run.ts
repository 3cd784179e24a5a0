/**
 * Many histories, on several threads, and what came of them together.
 *
 * @module
 */
import { type Fault, FAULTS } from "./faults.ts";
import type { Errand, Report } from "./history_worker.ts";

/** Which histories to live through. */
export interface RunOptions {
  /** The first seed; the others follow it. */
  readonly seed: number;
  readonly histories: number;
  /** Threads. */
  readonly jobs: number;
  /** Told from time to time how many are done. */
  readonly onProgress?: (done: number) => void;
}

/** What came of them. */
export class Tally {
  readonly faults = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]));
  histories = 0;
  events = 0;
  lines = 0;
  accepted = 0;
  unknown = 0;
  simulatedMs = 0;
  /** The history with the lowest seed that broke a promise. */
  failed: Report | undefined;

  /** Adds a history. */
  add(report: Report): void {
    this.histories++;
    this.events += report.events;
    this.lines += report.lines;
    this.accepted += report.accepted;
    this.unknown += report.unknown;
    this.simulatedMs += report.simulatedMs;
    for (const [fault, count] of report.faults) {
      this.faults.set(fault, this.faults.get(fault)! + count);
    }
    if (report.violations.length === 0) return;
    if (this.failed === undefined || report.seed < this.failed.seed) this.failed = report;
  }

  /** What was broken, and how to see it again; nothing when nothing was. */
  get failure(): string | undefined {
    if (this.failed === undefined) return undefined;
    const { seed, violations } = this.failed;
    const lines = violations.slice(0, 10).map((line) => `  ${line}`);
    return [
      `history ${seed} broke a promise, the ${this.histories}th that was lived through:`,
      ...lines,
      `see it again: ${replayCommand(seed)}`,
    ].join("\n");
  }
}

/** The command that lives one history through again and shows all that happens. */
export function replayCommand(seed: number): string {
  return `deno task sim --seed ${seed} --histories 1 --verbose`;
}

/** Lives histories through; ends early when one breaks a promise. */
export async function runHistories(options: RunOptions): Promise<Tally> {
  const { seed, histories, jobs } = options;
  const tally = new Tally();
  const workers = Array.from({ length: jobs }, (_, job) => {
    const worker = new Worker(new URL("./history_worker.ts", import.meta.url), { type: "module" });
    const count = Math.floor((histories - job + jobs - 1) / jobs);
    const errand: Errand = { from: seed + job, histories: count, step: jobs };
    worker.postMessage(errand);
    return worker;
  });
  try {
    await Promise.all(workers.map((worker) => gather(worker, tally, options)));
  } finally {
    for (const worker of workers) worker.terminate();
  }
  return tally;
}

/** Takes a worker's reports until it is done or somebody's history broke a promise. */
function gather(worker: Worker, tally: Tally, { onProgress }: RunOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<readonly Report[] | "done">) => {
    if (data === "done") return resolve();
    for (const report of data) tally.add(report);
    onProgress?.(tally.histories);
    if (tally.failed !== undefined) resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`a worker failed: ${event.message}`));
  };
  return promise;
}
