/**
 * Making a folder's entries durable: a file may be synced and yet have no name after a loss of power.
 *
 * @module
 */
import fs from "node:fs";

/** A new name in this folder is on disk afterwards, where the platform can do that. */
export function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  const fd = fs.openSync(path, "r");
  try {
    fs.fsyncSync(fd);
  } catch (error) {
    // Some file systems have no such operation, and need none.
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  } finally {
    fs.closeSync(fd);
  }
}
