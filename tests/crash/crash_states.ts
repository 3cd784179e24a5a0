/**
 * Torn and reordered crash states: what a store does to its files is recorded, and from files as a
 * power cut may leave them at any point the last commit must come back, or the whole of the next one.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { committedIn } from "../store/committed.ts";
import { DatabaseFolder } from "../store/database_folder.ts";
import { Random } from "../fuzz/random.ts";
import { sizeOf } from "../support/waiting.ts";
import { CrashDisk } from "./crash_disk.ts";
import { type DiskStep, recordDisk } from "./disk_trace.ts";
import { RECORDED_BODY_BYTES } from "./recorded_commits.ts";

/** Where Linux has files in memory: what is on the disk is made up here anyway, and syncing takes time. */
const MEMORY = ["/dev/shm"].find((path) => sizeOf(path) > 0);
const WORKLOAD = fileURLToPath(new URL("recorded_commits.ts", import.meta.url));

/** What was found in crash states. */
export interface CrashStates {
  /** States that were opened. */
  readonly states: number;
  /** Of these, states that had the commit that nobody had learned of yet. */
  inFlight: number;
  /** States that missed commits that were reported. */
  lost: number;
  /** States that were no commit's, or that the store refused; with the reason. */
  readonly broken: string[];
}

/** Records a process that commits; `NORMAL` is the control that must lose commits. */
export async function recordCommits(synchronous: "FULL" | "NORMAL"): Promise<DiskStep[]> {
  using box = new DatabaseFolder();
  const command = [Deno.execPath(), "run", "--allow-all", WORKLOAD, box.path, synchronous];
  return await recordDisk(command, box.folder);
}

/** Opens `count` crash states of a recording. */
export async function tryCrashStates(
  steps: readonly DiskStep[],
  count: number,
  seed: number,
): Promise<CrashStates> {
  const random = new Random(seed);
  const found: CrashStates = { states: count, inFlight: 0, lost: 0, broken: [] };
  const points = Array.from({ length: count }, () => random.below(steps.length));
  points.sort((a, b) => a - b);
  const disk = new CrashDisk();
  let reported = 0;
  let next = 0;
  for (const [at, step] of steps.entries()) {
    disk.take(step);
    if (step.kind === "print") reported += step.text.match(/^committed /gm)?.length ?? 0;
    for (; points[next] === at; next++) {
      await tryState(disk.crash(random), reported, found, `state ${next} of seed ${seed}`);
    }
  }
  return found;
}

async function tryState(
  files: ReadonlyMap<string, Uint8Array>,
  reported: number,
  found: CrashStates,
  name: string,
): Promise<void> {
  using box = new DatabaseFolder(MEMORY);
  for (const [file, content] of files) Deno.writeFileSync(`${box.folder}/${file}`, content);
  try {
    const committed = await committedIn(await box.open(), RECORDED_BODY_BYTES);
    if (committed < reported) found.lost++;
    else if (committed === reported + 1) found.inFlight++;
    else if (committed > reported) {
      found.broken.push(`${name}: ${committed} of ${reported} commits`);
    }
  } catch (error) {
    found.broken.push(`${name}, after ${reported} commits: ${error}`);
  }
}
