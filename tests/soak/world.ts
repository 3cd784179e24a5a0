/**
 * The broker of a soak and what befalls it, and how activities live with that.
 *
 * @module
 */
import { messageOf } from "../../lib/base/errors.ts";
import { BrokenPromise } from "../support/promises.ts";
import type { Program } from "../support/processes.ts";
import type { RawClient } from "../support/raw_client.ts";
import type { Workspace } from "../support/workspace.ts";
import type { CuttableProxy } from "./proxy.ts";

/** Something that clients do, over and over. */
export interface Activity {
  /** What it is called in reports. */
  readonly name: string;
  /** Does it once and throws {@linkcode BrokenPromise} for what is not as it should be. */
  round(): Promise<void>;
  /** How long to rest between two rounds, in milliseconds. */
  readonly restMs: number;
}

/** How the broker is ended. */
export type Ending = "SIGTERM" | "SIGKILL";

/** How long a broker that was ended may take to serve again before rounds count as disturbed no more. */
const REST_MS = 50;

/** A broker that is restarted now and then, and what was found wrong with it. */
export class World {
  /** Where the broker and its clients work. */
  readonly workspace: Workspace;
  /** A way to the broker that can be cut. */
  readonly proxy: CuttableProxy;
  /** What was promised and is not so. */
  readonly broken: string[] = [];
  /** What was done, by its name. */
  readonly counts: Map<string, number> = new Map();
  /** How often the broker was ended. */
  endings = 0;
  #broker: Program | undefined;
  #stopped = false;

  /** A world without a broker. */
  constructor(workspace: Workspace, proxy: CuttableProxy) {
    this.workspace = workspace;
    this.proxy = proxy;
  }

  /** The process id of the broker; nothing while it is being restarted. */
  get brokerPid(): number | undefined {
    return this.#broker?.pid;
  }

  /** Whether activities begin no more rounds. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Adds to a count. */
  count(what: string, more = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + more);
  }

  /** Notes a promise that was not kept. */
  blame(error: unknown): void {
    this.broken.push(`${new Date().toISOString()} ${messageOf(error)}`);
    console.error(this.broken.at(-1));
  }

  /** Starts the broker. */
  async start(): Promise<void> {
    this.#broker = await this.workspace.serve();
  }

  /** Ends the broker and starts it again. */
  async restart(ending: Ending): Promise<void> {
    const broker = this.#broker!;
    this.#broker = undefined;
    this.endings++;
    this.count(`broker restarts after ${ending}`);
    broker.signal(ending);
    const status = await broker.end();
    if (ending === "SIGTERM" && status.code !== 0) {
      this.blame(`a broker ended with ${status.code}: ${broker.stderr.text.slice(-2000)}`);
    }
    await this.start();
  }

  /** Tells the activities to end. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Rounds of an activity until the world is stopped. What fails because the broker went away is begun
   * again; everything else is somebody's fault.
   */
  async repeat(activity: Activity): Promise<void> {
    while (!this.#stopped) {
      // A round that begins during a restart may have met the broker that was ending.
      const whole = this.#broker === undefined ? undefined : this.endings;
      const isDisturbed = () => this.endings !== whole || this.#broker === undefined;
      try {
        await activity.round();
        this.count(activity.name);
      } catch (error) {
        if (error instanceof BrokenPromise || !isDisturbed()) {
          this.blame(new Error(`${activity.name}: ${error}`));
        } else this.count(`${activity.name}: broken off by a restart`);
        await rest(REST_MS);
      }
      await rest(activity.restMs);
    }
  }

  /** A bare connection; the caller closes it. */
  connect(name: string): Promise<RawClient> {
    return this.workspace.connect(name);
  }

  /**
   * Runs a program that reaches the broker by the proxy. All of its memory is looked through whenever any
   * is: one that has little to do would else wait for a quarter of an hour with that, and seem to grow.
   */
  run(...args: readonly string[]): Program {
    const CIPHERMQ_SERVER = `127.0.0.1:${this.proxy.port}`;
    return this.workspace.run(args, { env: { CIPHERMQ_SERVER, DENO_V8_FLAGS: "--gc-global" } });
  }
}

/** Lets time pass. */
export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
