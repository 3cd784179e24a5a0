/**
 * What a measurement was made on, without which its numbers mean little.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { median } from "./run.ts";

/** A machine at one moment. */
export interface Machine {
  /** When, ISO 8601. */
  readonly date: string;
  /** Its processor. */
  readonly processor: string;
  /** How many of its cores there are. */
  readonly cores: number;
  /** Its memory, in bytes. */
  readonly memoryBytes: number;
  /** The system's name and version. */
  readonly system: string;
  /** The versions of Deno and V8. */
  readonly deno: string;
  /** Processes that wanted to run in the last minute before: what disturbs above 0. */
  readonly load: number;
  /** The median of a small write's fsync where the brokers' files are, in milliseconds. */
  readonly fsyncMs: number;
}

const FSYNCS = 100;

/** Looks at this machine. */
export function readMachine(): Machine {
  return {
    date: new Date().toISOString(),
    processor: processorName(),
    cores: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    system: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    deno: `${Deno.version.deno} (V8 ${Deno.version.v8})`,
    load: Deno.loadavg()[0]!,
    fsyncMs: measureFsync(),
  };
}

/** One paragraph about a machine. */
export function describeMachine(machine: Machine): string {
  const { date, processor, cores, memoryBytes, system, deno, load, fsyncMs } = machine;
  const memory = `${Math.round(memoryBytes / 1024 ** 3)} GiB`;
  return `${
    date.slice(0, 10)
  }, ${processor}, ${cores} cores, ${memory}, ${system}, Deno ${deno}; ` +
    `load before ${load.toFixed(1)}, fsync ${fsyncMs.toFixed(2)} ms`;
}

function processorName(): string {
  try {
    const text = Deno.readTextFileSync("/proc/cpuinfo");
    return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? "unknown processor";
  } catch {
    return "unknown processor";
  }
}

function measureFsync(): number {
  const path = Deno.makeTempFileSync();
  const file = openSync(path, "r+");
  const page = new Uint8Array(4096);
  const times = Array.from({ length: FSYNCS }, () => {
    writeSync(file, page);
    const before = performance.now();
    fsyncSync(file);
    return performance.now() - before;
  });
  closeSync(file);
  Deno.removeSync(path);
  return median(times);
}
