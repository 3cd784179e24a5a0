/**
 * What a benchmark is told on its command line.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { orUsage, readWholeNumber } from "../../tests/support/task_options.ts";

/** How much is measured. */
export interface BenchOptions {
  /** How often each workload is run; medians are reported. */
  readonly runs: number;
  /** Messages of a run. */
  readonly messages: number;
  /** Bytes of a text, each size a workload of its own. */
  readonly sizes: readonly number[];
  /** Messages per second, each rate a workload of its own; 0 is as fast as the window allows. */
  readonly rates: readonly number[];
  /** How long a run at a rate lasts at most, in seconds. */
  readonly seconds: number;
  /** A file for all numbers as JSON. */
  readonly json?: string;
  /** Only brokers whose name has one of these words in it; CipherMQ always. */
  readonly only: readonly string[];
}

const NUMBERS = ["runs", "messages", "seconds"] as const;
const TEXT = { type: "string" } as const;
const OPTIONS = {
  quick: { type: "boolean" },
  runs: TEXT,
  messages: TEXT,
  size: TEXT,
  rate: TEXT,
  seconds: TEXT,
  only: TEXT,
  json: TEXT,
} as const;
const USAGE = `options:
  --quick         a few seconds: 20,000 messages of 256 B at full speed, 3 runs
  --runs N        how often each workload is run; medians are reported
  --messages N    messages of a run
  --size N[,N]    bytes of a text
  --rate N[,N]    messages per second; 0 is as fast as the window allows
  --seconds N     how long a run at a rate lasts at most
  --only NAME     peers whose name has this in it
  --json FILE     writes all numbers`;

/** What `--quick` means. */
const QUICK: Partial<BenchOptions> = {
  runs: 3,
  messages: 20_000,
  sizes: [256],
  rates: [0],
};

/** Reads the command line; ends the process with its usage if it is wrong. */
export function readOptions(args: readonly string[], defaults: BenchOptions): BenchOptions {
  return orUsage(USAGE, () => parse(args, defaults));
}

function parse(args: readonly string[], defaults: BenchOptions): BenchOptions {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const numbers = NUMBERS.flatMap((name) => {
    const text = values[name];
    return text === undefined ? [] : [[name, readWholeNumber(name, text)]];
  });
  const sizes = values.size?.split(",").map((one) => readWholeNumber("size", one));
  const rates = values.rate?.split(",").map((one) => readWholeNumber("rate", one, 0));
  const only = values.only?.split(",");
  return {
    ...defaults,
    ...(values.quick && QUICK),
    ...Object.fromEntries(numbers),
    ...(sizes && { sizes }),
    ...(rates && { rates }),
    ...(only && { only }),
    ...(values.json !== undefined && { json: values.json }),
  };
}
