/**
 * Programs that make faults, which not every machine has. Tests that need one say so by name and are
 * skipped elsewhere.
 *
 * @module
 */

/** Whether a program can be started. */
function has(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** Whether calls of a process can be seen and made to fail: strace, and the right to trace. */
export function hasStrace(): boolean {
  return Deno.build.os === "linux" && has("strace", "-o", "/dev/null", "-e", "trace=none", "true");
}

/** Whether a program can be run without its syncs (eatmydata). */
export function hasEatmydata(): boolean {
  return Deno.build.os === "linux" && has("eatmydata", "true");
}
