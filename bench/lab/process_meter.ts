/**
 * What processes use, as Linux tells it under /proc.
 *
 * @module
 */

/** What a process and all it has started used. */
export interface Usage {
  /** CPU time in seconds, of user and system together. */
  readonly cpuSeconds: number;
  /** The most resident memory, in bytes; of several processes the sum of each one's most. */
  readonly peakBytes: number;
}

/** Ticks of a second in /proc on every Linux (USER_HZ). */
const TICKS = 100;
const NOTHING: Usage = { cpuSeconds: 0, peakBytes: 0 };

/** Measures from when it is made. */
export class ProcessMeter {
  readonly #pid: number;
  readonly #before: Usage;

  /** Begins to measure a process. */
  constructor(pid: number) {
    this.#pid = pid;
    this.#before = usageOf(pid);
  }

  /** What was used since; the most memory is that of its whole life. */
  read(): Usage {
    const { cpuSeconds, peakBytes } = usageOf(this.#pid);
    return { cpuSeconds: cpuSeconds - this.#before.cpuSeconds, peakBytes };
  }
}

function usageOf(pid: number): Usage {
  if (Deno.build.os !== "linux") return NOTHING;
  const all = [usageOfOne(pid), ...childrenOf(pid).map(usageOf)];
  return all.reduce((sum, { cpuSeconds, peakBytes }) => ({
    cpuSeconds: sum.cpuSeconds + cpuSeconds,
    peakBytes: sum.peakBytes + peakBytes,
  }));
}

/** See proc(5): the fields after the name in parentheses begin with the third. */
function usageOfOne(pid: number): Usage {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11] ?? 0), Number(fields[12] ?? 0)];
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0;
  return { cpuSeconds: (user + system) / TICKS, peakBytes: Number(kilobytes) * 1024 };
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
}

/** A process that has just ended has nothing. */
function read(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}
