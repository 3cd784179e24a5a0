/**
 * A disk that survives its broker, and the store on it. What was not synced when the machine went down
 * is lost, or there, or torn: then the recovery drops it.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Change } from "../../lib/core/effect.ts";
import type { MessageRef } from "../../lib/core/message.ts";
import type { Snapshot, StoredMessage } from "../../lib/core/restore.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import type { Store } from "../../lib/store/store.ts";
import type { FaultCounts } from "./faults.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";
import type { SimulatedProcess } from "./simulated_process.ts";

/** Who sees what is asked of the disk. */
export interface DiskObserver {
  /** A broker wants changes committed. */
  asked(changes: readonly Change[], wallMs: number): void;
  /** Changes are durable, whether or not the broker will learn it. */
  durable(changes: readonly Change[], wallMs: number): void;
  /** A broker goes on with a store that has failed. */
  usedAfterFailure(): void;
}

/** What happens to the next commits. */
export type CommitFault =
  | "crash before"
  | "crash after"
  | "error, not in effect"
  | "error, in effect"
  | "read error";

/** One commit as it lies on the disk. */
interface LogRecord {
  readonly changes: readonly Change[];
  readonly wallMs: number;
  /** Its end is there, too. */
  readonly whole: boolean;
}

/** What is asked for and not durable yet. */
interface Pending {
  readonly changes: readonly Change[];
  readonly wallMs: number;
}

/** What outlives brokers. */
export class SimulatedDisk {
  /** Since the beginning, or since it was last worth a new one. */
  readonly #log: LogRecord[] = [];
  readonly #random: SeededEntropy;
  readonly #counts: FaultCounts;
  #memory = new MemoryDisk();
  #forgetMs = -Infinity;
  #pending: Pending | undefined;
  #fault: CommitFault | undefined;
  #stalledMs = 0;
  /** Told of everything. */
  observer: DiskObserver = {
    asked: () => {},
    durable: () => {},
    usedAfterFailure: () => {},
  };

  /** An empty disk. */
  constructor(random: SeededEntropy, counts: FaultCounts) {
    this.#random = random;
    this.#counts = counts;
  }

  /** The committed state. */
  get memory(): MemoryDisk {
    return this.#memory;
  }

  /** What lies on it before the first broker. */
  install(changes: readonly Change[], wallMs: number): void {
    this.#memory.write(changes, wallMs);
    this.#log.push({ changes, wallMs, whole: true });
  }

  /** The next commit meets a fault; nothing, and it does not. */
  arm(fault?: CommitFault): void {
    this.#fault = fault;
  }

  /** Commits take so much longer from now on. */
  stall(ms: number): void {
    this.#stalledMs = ms;
  }

  /** How long the next write takes. */
  delayMs(): number {
    return this.#random.between(0.05, 0.8) + this.#stalledMs;
  }

  /** The fault that is armed, if it is one of these; it strikes once. */
  strike(...faults: CommitFault[]): CommitFault | undefined {
    if (this.#fault === undefined || !faults.includes(this.#fault)) return undefined;
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }

  /** Bytes are on their way to the platter. */
  begin(changes: readonly Change[], wallMs: number): void {
    this.#pending = { changes, wallMs };
  }

  /** They are there. */
  finish(): void {
    const { changes, wallMs } = this.#pending!;
    this.#pending = undefined;
    this.#memory.write(changes, wallMs);
    this.#log.push({ changes, wallMs, whole: true });
    this.observer.durable(changes, wallMs);
  }

  /** They will never be. */
  drop(): void {
    this.#pending = undefined;
  }

  /** The machine went down. What was on its way is lost, torn or there. */
  lose(): void {
    if (this.#pending === undefined) return;
    const fate = this.#random.below(3);
    if (fate === 0) {
      this.#counts.add("commit that took effect although its outcome was not learned");
      return this.finish();
    }
    if (fate === 1) {
      const { changes, wallMs } = this.#pending;
      const part = changes.slice(0, this.#random.below(changes.length));
      this.#log.push({ changes: part, wallMs, whole: false });
    }
    this.#pending = undefined;
  }

  /** Before a broker opens it: a torn record at the end is dropped, and the rest read again. */
  recover(): void {
    if (this.#log.at(-1)?.whole !== false) return;
    this.#counts.add("torn tail of the store");
    this.#log.pop();
    this.#memory = new MemoryDisk();
    for (const { changes, wallMs } of this.#log) this.#memory.write(changes, wallMs);
    this.forget(this.#forgetMs);
  }

  /** Forgets removed messages. */
  forget(wallMs: number): boolean {
    this.#forgetMs = Math.max(this.#forgetMs, wallMs);
    return this.#memory.forget(wallMs);
  }
}

/** A store on such a disk, of one broker. */
export class SimulatedStore implements Store {
  readonly #disk: SimulatedDisk;
  readonly #process: SimulatedProcess;
  readonly #counts: FaultCounts;
  /** Ends the broker's machine. */
  readonly #crash: () => void;
  #failed = false;

  /** Opens the disk. */
  constructor(
    disk: SimulatedDisk,
    process: SimulatedProcess,
    counts: FaultCounts,
    crash: () => void,
  ) {
    this.#disk = disk;
    this.#process = process;
    this.#counts = counts;
    this.#crash = crash;
    disk.recover();
  }

  /** Whether it gave an error that was not the broker's fault. */
  get hasFailed(): boolean {
    return this.#failed;
  }

  load(): Promise<Snapshot> {
    return Promise.resolve(this.#disk.memory.snapshot());
  }

  async *messages(): AsyncGenerator<readonly StoredMessage[]> {
    yield await Promise.resolve(this.#disk.memory.messages());
  }

  async commit(changes: readonly Change[], wallMs: number): Promise<void> {
    this.#use();
    const disk = this.#disk;
    disk.observer.asked(changes, wallMs);
    disk.begin(changes, wallMs);
    await this.#process.pause(disk.delayMs());
    if (disk.strike("crash before") !== undefined) {
      this.#counts.add("broker crash before its commit is durable");
      this.#crash();
    }
    if (!this.#process.alive) return await never();
    const error = disk.strike("error, not in effect", "error, in effect");
    if (error !== undefined) this.#fail(error);
    disk.finish();
    if (disk.strike("crash after") !== undefined) {
      this.#counts.add("broker crash after its commit, before release");
      this.#crash();
      return await never();
    }
    await this.#process.pause(disk.delayMs() / 4);
  }

  // deno-lint-ignore require-await -- what it throws is a rejection
  async read(messages: readonly MessageRef[]): Promise<Uint8Array[]> {
    this.#use();
    if (this.#disk.strike("read error") !== undefined) {
      this.#counts.add("read with I/O error");
      this.#failed = true;
      throw ioError("read");
    }
    return messages.map((message) => this.#disk.memory.body(message));
  }

  // deno-lint-ignore require-await -- what it throws is a rejection
  async forget(wallMs: number): Promise<boolean> {
    this.#use();
    return this.#disk.forget(wallMs);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #fail(fault: CommitFault): never {
    const inEffect = fault === "error, in effect";
    this.#counts.add(
      inEffect ? "commit with I/O error, in effect" : "commit with I/O error, not in effect",
    );
    this.#failed = true;
    if (inEffect) this.#disk.finish();
    else this.#disk.drop();
    throw ioError("write");
  }

  #use(): void {
    if (!this.#failed) return;
    this.#disk.observer.usedAfterFailure();
    throw ioError("use");
  }
}

function ioError(what: string): CipherMqError {
  return new CipherMqError("storage", `cannot ${what}: EIO`);
}

/** What a program waits for that is no more. */
function never(): Promise<never> {
  return new Promise(() => {});
}
