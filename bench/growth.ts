/**
 * What more queues, more consumers and more connections cost the broker: the same messages in each
 * row, and connections that do nothing.
 *
 * @module
 */
import { residentBytes } from "../tests/support/processes.ts";
import { connectMany } from "../tests/support/memory_load.ts";
import { Workspace } from "../tests/support/workspace.ts";
import { describeMachine, readMachine } from "./lab/machine.ts";
import { type BenchOptions, readOptions } from "./lab/options.ts";
import { type Figures, medians, runOnce } from "./lab/run.ts";
import { grouped, markdown } from "./lab/tables.ts";
import { RECEIVER } from "./load/client.ts";
import { CIPHERMQ } from "./servers/ciphermq.ts";

/** One row: over how many queues, and to how many consumers. */
interface Spread {
  readonly queues: number;
  readonly consumers: number;
}

const ROWS: readonly Spread[] = [
  { queues: 1, consumers: 1 },
  { queues: 10, consumers: 1 },
  { queues: 100, consumers: 1 },
  { queues: 1_000, consumers: 1 },
  { queues: 1, consumers: 100 },
  { queues: 1, consumers: 1_000 },
];
const IDLE = 10_000;
const MIB = 1024 * 1024;
const LIMITS = `[limits]
max_connections = ${2 * IDLE}
max_connections_per_address = ${2 * IDLE}
max_connections_per_identity = ${2 * IDLE}
`;

async function runSpread({ queues, consumers }: Spread, options: BenchOptions): Promise<Figures> {
  await using workspace = await Workspace.make({ configuration: LIMITS });
  const running = await CIPHERMQ.start(workspace);
  const { messages } = options;
  const flow = { rate: 0, window: 5_000, prefetch: 2_000, sealed: true };
  const workload = { messages, size: options.sizes[0]!, ...flow, queues, consumers };
  return await runOnce({ ...CIPHERMQ, client: "spread" }, running, workspace, workload);
}

/** Every row in turn, again and again. */
async function measureSpreads(options: BenchOptions): Promise<Figures[]> {
  const runs = ROWS.map((): Figures[] => []);
  for (let run = 1; run <= options.runs; run++) {
    for (const [index, row] of ROWS.entries()) {
      console.error(
        `run ${run} of ${options.runs}: ${row.queues} queues, ${row.consumers} consumers`,
      );
      runs[index]!.push(await runSpread(row, options));
    }
  }
  return runs.map(medians);
}

function spreadTable(rows: readonly Figures[]): string {
  const first = rows[0]!.messages_per_second;
  return markdown(
    ["queues, consumers", "messages/s", "of the first row", "broker CPU s", "broker peak MiB"],
    rows.map((figures, index) => [
      `${grouped(ROWS[index]!.queues)}, ${grouped(ROWS[index]!.consumers)}`,
      grouped(figures.messages_per_second),
      `${Math.round(figures.messages_per_second / first * 100)} %`,
      figures.broker_cpu_seconds.toFixed(1),
      grouped(figures.broker_peak_bytes / MIB),
    ]),
  );
}

async function idleTable(connections: number): Promise<string> {
  await using workspace = await Workspace.make({ configuration: LIMITS });
  const broker = await workspace.serve();
  const before = residentBytes(broker.pid) ?? 0;
  const beganMs = performance.now();
  await connectMany(workspace, RECEIVER, connections);
  const seconds = (performance.now() - beganMs) / 1000;
  const bytes = (residentBytes(broker.pid) ?? 0) - before;
  const row = [
    grouped(connections),
    grouped(connections / seconds),
    grouped(bytes / MIB),
    (bytes / connections / 1024).toFixed(1),
  ];
  return markdown(["idle connections", "handshakes/s", "MiB in all", "KiB each"], [row]);
}

const options = readOptions(Deno.args, {
  runs: 3,
  messages: 50_000,
  sizes: [256],
  rates: [0],
  seconds: 0,
  only: [],
});
const machine = readMachine();
console.log(`${describeMachine(machine)}; medians of ${options.runs} runs\n`);
console.log(`${spreadTable(await measureSpreads(options))}\n`);
console.log(await idleTable(IDLE));
