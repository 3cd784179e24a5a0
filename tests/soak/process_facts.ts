/**
 * What Linux tells about a process and about files.
 *
 * @module
 */

/** What a process has. */
export interface ProcessFacts {
  /** Memory of its own that is resident, in bytes: without mapped files, which others share. */
  readonly ownBytes: number;
  /** All resident memory, in bytes. */
  readonly residentBytes: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** Threads. */
  readonly threads: number;
}

/** The facts of a process; nothing if it is gone. */
export function processFacts(pid: number): ProcessFacts | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    const number = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
    return {
      ownBytes: number("RssAnon") * 1024,
      residentBytes: number("VmRSS") * 1024,
      descriptors,
      threads: number("Threads"),
    };
  } catch {
    return undefined;
  }
}
