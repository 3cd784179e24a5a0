/**
 * Watches the room on the database's disk. Nearly full, the broker refuses what would fill it, while
 * acks and deliveries go on; nearer still, it gives back room that it has held for this, because on a
 * full disk not even an ack can be stored.
 *
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import type { Ballast } from "../store/ballast.ts";
import type { DiskSpace } from "../store/disk_space.ts";

const log = logger("disk");

/** Room beyond the threshold at which the alarm ends, so that it does not come and go. */
const CLEAR_FACTOR = 1.1;
/** The ballast goes when less than this part of its size is free. */
const RELEASE_PART = 0.25;

/** What a {@linkcode DiskWatch} watches, and whom it tells. */
export interface DiskWatchOptions {
  /** When the alarm begins, and how large the ballast is. */
  readonly limits: Pick<Limits, "minFreeBytes" | "minFreePercent" | "ballastBytes">;
  /** Tells the room on the disk. */
  readonly space: () => DiskSpace;
  /** The room that is held for bad times. */
  readonly ballast: Pick<Ballast, "held" | "hold" | "release">;
  /** Told when the disk becomes nearly full, and when it no longer is. */
  readonly onChange: (low: boolean) => void;
}

/** The low-space alarm and the ballast. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #low = false;
  #blind = false;
  #working = false;

  /** Makes a watch that has not looked yet. */
  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Whether the disk is nearly full. */
  get low(): boolean {
    return this.#low;
  }

  /** Looks at the disk. One look at a time; another one meanwhile does nothing. */
  async look(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      const space = this.#space();
      if (space !== undefined) await this.#judge(space);
    } finally {
      this.#working = false;
    }
  }

  #space(): DiskSpace | undefined {
    try {
      return this.#options.space();
    } catch (error) {
      // Said once: where the platform does not tell, the broker runs as it would without a watch.
      if (!this.#blind) log.warn("cannot watch the disk", { reason: messageOf(error) });
      this.#blind = true;
      return undefined;
    }
  }

  async #judge({ freeBytes, totalBytes }: DiskSpace): Promise<void> {
    const { minFreeBytes, minFreePercent, ballastBytes } = this.#options.limits;
    const threshold = Math.max(minFreeBytes, totalBytes * minFreePercent / 100);
    const low = freeBytes < (this.#low ? threshold * CLEAR_FACTOR : threshold);
    if (low !== this.#low) this.#change(low, freeBytes, threshold);
    const { ballast } = this.#options;
    if (!low && !ballast.held) await this.#hold();
    if (low && freeBytes < ballastBytes * RELEASE_PART && ballast.held) {
      log.error("disk full: the ballast is released", { freeBytes });
      await ballast.release();
    }
  }

  #change(low: boolean, freeBytes: number, threshold: number): void {
    this.#low = low;
    if (low) log.error("disk nearly full: publishes are refused", { freeBytes, threshold });
    else log.info("disk has room again", { freeBytes, threshold });
    this.#options.onChange(low);
  }

  async #hold(): Promise<void> {
    try {
      await this.#options.ballast.hold();
    } catch (error) {
      if (!this.#blind) log.warn("cannot hold the ballast", { reason: messageOf(error) });
      this.#blind = true;
    }
  }
}
