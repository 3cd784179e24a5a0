/**
 * The real program under mixed load for as long as it is told, through lives of the broker that are long
 * enough to show growth and restarts that follow each other quickly.
 *
 * @module
 */
import { Random } from "../fuzz/random.ts";
import { Workspace } from "../support/workspace.ts";
import { Letters } from "./letters.ts";
import { Pair } from "./pairs.ts";
import { Pipeline } from "./pipeline.ts";
import { requireSame } from "../support/promises.ts";
import { CuttableProxy } from "./proxy.ts";
import { Routes } from "./routes.ts";
import { BackupRuns, Visits } from "./visits.ts";
import { type Result, Watch } from "./watch.ts";
import { type Activity, type Ending, rest, World } from "./world.ts";

/** How a soak is run. */
export interface SoakOptions {
  /** How long, in minutes. */
  readonly minutes: number;
  /** What keys, sizes and strikes come from. */
  readonly seed: number;
}

/** What a soak came to. */
export interface SoakReport {
  /** What the fits say of each series. */
  readonly results: readonly Result[];
  /** Promises that were not kept. */
  readonly broken: readonly string[];
  /** What was done, by its name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Everything that was sampled. */
  readonly watch: Watch;
}

const LIVES = 3;
const SAMPLE_EVERY_MS = 3_000;
/** Of each life so much is not fitted, but no more than `MOST_WARM_UP_MS`. */
const WARM_UP_SHARE = 0.5;
const MOST_WARM_UP_MS = 300_000;
const STRIKE_EVERY_MS = 20_000;
const CUT_EVERY_MS = 7_000;
const LOOK_EVERY_MS = 5_000;
/** Between two long lives. */
const ENDINGS: readonly Ending[] = ["SIGKILL", "SIGTERM", "SIGKILL", "SIGTERM"];
const SHORT_LIFE_MS = 3_000;
const CLIENTS = ["spooler", "spooled", "plain", "plain_receiver", "pair_1", "pair_2", "router"];
/** Small, so that what is remembered by design stops to grow soon. */
const CONFIGURATION = `[acl]
admins = ["admin"]

[limits]
duplicate_horizon_ms = 60000
max_remembered_ids = 50000
max_cached_body_bytes = 8388608
`;

/** Runs a soak. */
export async function soak({ minutes, seed }: SoakOptions): Promise<SoakReport> {
  await using workspace = await Workspace.make({
    clients: [...CLIENTS, "letters", "visitor", "admin"],
    configuration: CONFIGURATION,
  });
  await using proxy = new CuttableProxy(workspace.port);
  const world = new World(workspace, proxy);
  const run = new Soak(world, new Random(seed), minutes * 60_000);
  const results = await run.run();
  world.count("connections of programs cut", proxy.cuts);
  const { broken } = world;
  return { results, broken, counts: Object.fromEntries(world.counts), watch: run.watch };
}

/** One soak. */
class Soak {
  readonly watch = new Watch();
  readonly #world: World;
  readonly #random: Random;
  readonly #lifeMs: number;
  readonly #steady: Pipeline;
  readonly #struck: Pipeline;

  constructor(world: World, random: Random, totalMs: number) {
    this.#world = world;
    this.#random = random;
    this.#lifeMs = totalMs / LIVES;
    this.#steady = new Pipeline(world, { sender: "spooler", receiver: "spooled", spool: true });
    this.#struck = new Pipeline(world, {
      sender: "plain",
      receiver: "plain_receiver",
      spool: false,
    });
  }

  async run(): Promise<Result[]> {
    const world = this.#world;
    await world.start();
    for (const pipeline of [this.#steady, this.#struck]) pipeline.start();
    const activities: Activity[] = [
      new Pair(world, { identity: "pair_1", isCut: true }),
      new Pair(world, { identity: "pair_2", isCut: false }),
      new Routes(world, this.#random),
      new Letters(world),
      new Visits(world, this.#random),
      new BackupRuns(world),
      this.#strikes(),
      this.#cuts(),
      this.#looks(),
    ];
    const running = Promise.all(activities.map((one) => world.repeat(one)));
    for (let life = 1; life <= LIVES; life++) {
      await this.#live(life);
      if (life < LIVES) await this.#flurry();
    }
    const results = this.watch.judge();
    world.stop();
    await running;
    await this.#finish();
    return results;
  }

  /** One life of the broker, sampled. */
  async #live(life: number): Promise<void> {
    const startMs = performance.now();
    const warmMs = Math.min(WARM_UP_SHARE * this.#lifeMs, MOST_WARM_UP_MS);
    for (let passedMs = 0; passedMs < this.#lifeMs; passedMs = performance.now() - startMs) {
      await rest(SAMPLE_EVERY_MS);
      const isWarm = passedMs >= warmMs;
      const watched = {
        brokerPid: this.#world.brokerPid,
        pids: this.#steady.pids,
        fed: this.#steady.fed,
        database: this.#world.workspace.path("broker.db"),
      };
      if (isWarm) this.watch.takeBroker(watched, life);
      // What outlives the broker warms up once.
      if (isWarm || life > 1) this.watch.takeRest(watched);
    }
  }

  async #flurry(): Promise<void> {
    for (const ending of ENDINGS) {
      await this.#world.restart(ending);
      await rest(SHORT_LIFE_MS);
    }
  }

  #strikes(): Activity {
    return {
      name: "strikes at clients",
      restMs: 0,
      round: async () => {
        // Whoever has only just been started is not ready to end in an orderly way.
        await rest(STRIKE_EVERY_MS);
        const signal = this.#random.pick(["SIGTERM", "SIGKILL"] as const);
        if (this.#random.oneIn(2)) await this.#struck.strikeSender(signal);
        else await this.#struck.strikeReceiver(signal);
      },
    };
  }

  #looks(): Activity {
    return {
      name: "looks at what was received",
      restMs: LOOK_EVERY_MS,
      round: () => {
        for (const pipeline of [this.#steady, this.#struck]) pipeline.look();
        return Promise.resolve();
      },
    };
  }

  #cuts(): Activity {
    return {
      name: "cuts",
      restMs: CUT_EVERY_MS,
      round: () => {
        this.#world.proxy.cut();
        return Promise.resolve();
      },
    };
  }

  /** Everything drains, and the promises to the programs are looked at. */
  async #finish(): Promise<void> {
    for (const pipeline of [this.#steady, this.#struck]) {
      await pipeline.finish().catch((error) => this.#world.blame(error));
    }
    const client = await this.#world.connect("visitor");
    const { queues } = JSON.parse((await client.ask("stats"))!.slice("Stats: ".length));
    client.close();
    const left = (queues as [string, number][]).filter(([, count]) => count > 0);
    try {
      requireSame("what is left in the queues", left.map((one) => one.join(" ")), []);
    } catch (error) {
      this.#world.blame(error);
    }
  }
}
