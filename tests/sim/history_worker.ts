/**
 * Lives histories through on a thread of its own.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import type { Fault } from "./faults.ts";
import { liveHistory } from "./history.ts";

/** What a worker is asked for. */
export interface Errand {
  /** The first seed. */
  readonly from: number;
  /** How many, one every `step`. */
  readonly histories: number;
  readonly step: number;
}

/** How one history went, as far as others want to know. */
export interface Report {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly faults: readonly (readonly [Fault, number])[];
  readonly events: number;
  readonly lines: number;
  readonly accepted: number;
  readonly unknown: number;
  readonly simulatedMs: number;
}

/** How many reports are given at once. */
const PIECE = 25;

// Nobody reads where an error comes from that a client expects, and to find out takes long.
(Error as { stackTraceLimit?: number }).stackTraceLimit = 0;

self.onmessage = async ({ data }: MessageEvent<Errand>) => {
  const { from, histories, step } = data;
  let reports: Report[] = [];
  for (let n = 0; n < histories; n++) {
    const { counts, ...result } = await liveHistory(from + n * step);
    reports.push({ ...result, faults: counts.entries() });
    if (reports.length < PIECE) continue;
    self.postMessage(reports);
    reports = [];
  }
  self.postMessage(reports);
  self.postMessage("done");
};
