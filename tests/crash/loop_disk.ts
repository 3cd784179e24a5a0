/**
 * A disk of its own whose power can be cut: an ext4 file system in a file, mounted through a loop
 * device. Needs root and loop devices (Linux).
 *
 * @module
 */
import { join } from "node:path";

/** Sparse: only what is used takes room. */
const DISK_BYTES = 1024 * 1024 * 1024;
/**
 * EXT4_IOC_SHUTDOWN without flushing even the journal: the file system stops at once, and what was not
 * synced is gone (linux/fs/ext4/ext4.h).
 */
const CUT =
  `open(F, "<", $ARGV[0]) or die $!; ioctl(F, 0x8004587d, my $f = pack("L", 2)) or die $!`;
const ATTEMPTS = 50;

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

/** A mounted file system. It is gone when its scope ends. */
export class LoopDisk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly mount: string;
  readonly #folder: string;
  readonly #image: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#image = join(folder, "image");
    this.mount = join(folder, "mount");
  }

  /** Makes one and mounts it. */
  static async make(): Promise<LoopDisk> {
    const disk = new LoopDisk(await Deno.makeTempDir({ prefix: "ciphermq-disk-" }));
    try {
      await Deno.mkdir(disk.mount);
      await Deno.writeFile(disk.#image, new Uint8Array(0));
      await Deno.truncate(disk.#image, DISK_BYTES);
      await run("mkfs.ext4", "-q", "-F", disk.#image);
      await disk.#attach();
      return disk;
    } catch (error) {
      await Deno.remove(disk.#folder, { recursive: true });
      throw error;
    }
  }

  /** Cuts the power: from now on every access fails. */
  async cut(): Promise<void> {
    await run("perl", "-e", CUT, this.mount);
  }

  /** Writes everything to the disk. */
  async sync(): Promise<void> {
    await run("sync", "-f", this.mount);
  }

  /** Switches it on again. Nobody may have a file of it open. */
  async revive(): Promise<void> {
    await this.#detach();
    await this.#attach();
  }

  /** Unmounts and removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#detach();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #attach(): Promise<void> {
    await run("mount", "-o", "loop", this.#image, this.mount);
  }

  /** It may be busy for a moment after the last process on it has ended. */
  async #detach(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await run("umount", this.mount);
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

/** Whether this machine lets us make such a disk. */
export async function hasLoopDisks(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    await using disk = await LoopDisk.make();
    await disk.cut();
    return true;
  } catch {
    return false;
  }
}
