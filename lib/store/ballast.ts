/**
 * Room on the disk held for bad times: a file that is of no use but to be removed.
 *
 * @module
 */
import { randomFillSync } from "node:crypto";
import { statSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { CipherMqError, messageOf } from "../base/errors.ts";

const OWNER_ONLY = 0o600;
const PIECE_BYTES = 1024 * 1024;
/**
 * No room: on the disk (ENOSPC), under a limit for files (27, EFBIG) or in the user's quota (EDQUOT, 122
 * on Linux and 69 on macOS). Deno gives a code for the first only.
 */
const NO_ROOM = /ENOSPC|\(os error (?:27|69|122)\)/;

/** One file of ballast. Its calls do not overlap. */
export class Ballast {
  readonly #path: string;
  readonly #bytes: number;

  /** Ballast of `bytes` bytes at `path`, beside what it is for. Nothing is made yet. */
  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** Whether the file is there in full. */
  get held(): boolean {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size;
    return size !== undefined && size >= this.#bytes;
  }

  /**
   * Makes the file, or makes it whole again; it is on the disk when this resolves. False if there is no
   * room for it: then there is no file. Rejects with `storage` for any other reason.
   */
  async hold(): Promise<boolean> {
    if (this.held) return true;
    try {
      await this.release();
      await this.#make();
      return true;
    } catch (error) {
      await this.release();
      if (isNoRoom(error)) return false;
      throw this.#failed("hold", error);
    }
  }

  /** Gives the room back. Safe when nothing is held. */
  async release(): Promise<void> {
    try {
      await rm(this.#path, { force: true });
    } catch (error) {
      throw this.#failed("release", error);
    }
  }

  async #make(): Promise<void> {
    const file = await open(this.#path, "wx", OWNER_ONLY);
    try {
      await fill(file, this.#bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #failed(what: string, error: unknown): CipherMqError {
    if (error instanceof CipherMqError) return error;
    const why = messageOf(error);
    return new CipherMqError("storage", `cannot ${what} the ballast ${this.#path}: ${why}`, {
      hint: "check that its folder exists and can be written by the broker's user",
      cause: error,
    });
  }
}

function isNoRoom(error: unknown): boolean {
  return error instanceof Error &&
    NO_ROOM.test(`${(error as { code?: unknown }).code} ${error.message}`);
}

/** Random bytes: file systems that compress would hold no room for zeros. */
async function fill(file: FileHandle, bytes: number): Promise<void> {
  const piece = randomFillSync(new Uint8Array(Math.min(PIECE_BYTES, bytes)));
  for (let at = 0; at < bytes;) {
    at += (await file.write(piece, 0, Math.min(piece.byteLength, bytes - at), at)).bytesWritten;
  }
}
