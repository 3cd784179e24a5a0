/**
 * One run: a workload through a broker, from one process to another.
 *
 * @module
 */
import type { Workspace } from "../../tests/support/workspace.ts";
import type { Workload } from "../load/task.ts";
import type { RunningServer, Server } from "../servers/server.ts";
import { LoadProcess } from "./load_process.ts";
import { ProcessMeter } from "./process_meter.ts";

/** What a run came to: numbers by their names, with their units in these. */
export type Figures = Readonly<Record<FigureName, number>>;

/** The names of what is measured. */
export type FigureName =
  /** Messages per second from the first publish to the last confirmed ack. */
  | "messages_per_second"
  /** Messages per second from the first publish to the last acceptance. */
  | "publishes_per_second"
  | `${"ack" | "delivery"}_${"p50" | "p99" | "p999"}_ms`
  | `${Process}_cpu_seconds`
  | `${Process}_peak_bytes`;

/** The three processes of a run. */
export type Process = "sender" | "broker" | "receiver";

/** Runs a workload once through a broker that has no other. */
export async function runOnce(
  server: Server,
  running: RunningServer,
  workspace: Workspace,
  workload: Workload,
): Promise<Figures> {
  const { client } = server;
  const place = { folder: workspace.folder, port: running.port };
  await using receiver = await LoadProcess.connect({ role: "receive", client, place, workload });
  await using sender = await LoadProcess.connect({ role: "send", client, place, workload });
  const meter = new ProcessMeter(running.pid);
  const [received, sent] = await Promise.all([receiver.run(), sender.run()]);
  const uses = { sender: sender.usage, broker: meter.read(), receiver: receiver.usage };
  const perSecond = (untilMs: number) => workload.messages / (untilMs - sent.firstMs) * 1000;
  return {
    messages_per_second: perSecond(received.lastMs),
    publishes_per_second: perSecond(sent.lastMs),
    ack_p50_ms: sent.latency.p50,
    ack_p99_ms: sent.latency.p99,
    ack_p999_ms: sent.latency.p999,
    delivery_p50_ms: received.latency.p50,
    delivery_p99_ms: received.latency.p99,
    delivery_p999_ms: received.latency.p999,
    sender_cpu_seconds: uses.sender.cpuSeconds,
    broker_cpu_seconds: uses.broker.cpuSeconds,
    receiver_cpu_seconds: uses.receiver.cpuSeconds,
    sender_peak_bytes: uses.sender.peakBytes,
    broker_peak_bytes: uses.broker.peakBytes,
    receiver_peak_bytes: uses.receiver.peakBytes,
  };
}

/** The median of each number over several runs. */
export function medians(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!) as FigureName[];
  return Object.fromEntries(
    names.map((name) => [name, median(runs.map((run) => run[name]))]),
  ) as Figures;
}

/** The middle of numbers; of an even count the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
