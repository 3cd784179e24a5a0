/**
 * How much room a disk has.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { CipherMqError, messageOf } from "../base/errors.ts";

/** Room on a file system. */
export interface DiskSpace {
  /** Bytes that this process's user can still use. */
  readonly freeBytes: number;
  /** Bytes of the whole file system. */
  readonly totalBytes: number;
}

/**
 * The room on the file system of a file or folder. A few microseconds; under Deno it needs
 * `--allow-sys=statfs`. Throws `storage` if it cannot be told.
 */
export function diskSpace(path: string): DiskSpace {
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    const why = messageOf(error);
    throw new CipherMqError("storage", `cannot tell the free space at ${path}: ${why}`, {
      hint: "the file or folder must be there, and Deno must have been given --allow-sys=statfs",
      cause: error,
    });
  }
}
