/**
 * Real power cuts: broker, sender and receiver work on a disk of their own that is shut down under
 * them, and start again from what is left.
 *
 * @module
 */
import type { ProgramOptions } from "../support/processes.ts";
import { Workspace } from "../support/workspace.ts";
import { CrashLoad, type Target } from "./crash_load.ts";
import type { Strikes } from "./kills.ts";
import { LoopDisk } from "./loop_disk.ts";

const SEGMENT = 5;
const ALL: readonly Target[] = ["broker", "sender", "receiver"];

/** Cuts the power `cycles` times. Throws for a promise that was not kept. */
export async function cutPower(
  cycles: number,
  brokerOptions: Omit<ProgramOptions, "cwd"> = {},
): Promise<Strikes> {
  await using disk = await LoopDisk.make();
  await using workspace = await Workspace.make({
    clients: CrashLoad.clients,
    parent: disk.mount,
  });
  const load = await CrashLoad.start(workspace, brokerOptions);
  // What the workspace itself made is not what is tried.
  await disk.sync();
  const strike = async () => {
    // Whoever lost power says nothing more. Else an fsync that is under way when ext4 is shut down can
    // return as if it had worked (its transaction was aborted by another's), and ACKs would follow.
    load.freeze();
    await disk.cut();
    await load.kill(ALL);
    await disk.revive();
    await load.restart(ALL);
  };
  for (let done = 0; done < cycles; done += SEGMENT) {
    await load.segment(Math.min(SEGMENT, cycles - done), strike);
  }
  return { cycles, struck: load.struck, messages: load.messages };
}
