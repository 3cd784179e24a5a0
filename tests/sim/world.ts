/**
 * The second composition root: the real broker and the real clients, with a clock, randomness, a network
 * and a disk that one seed decides.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { Runtime } from "../../lib/base/runtime.ts";
import type { ConnectionOptions } from "../../lib/client/connection.ts";
import { restoreBroker, RunningBroker } from "../../lib/server/running_broker.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { MemoryStore } from "../../lib/store/memory_store.ts";
import { SeededEntropy } from "./seeded_entropy.ts";
import { SimulatedClock } from "./simulated_clock.ts";
import { SimulatedNetwork } from "./simulated_network.ts";

/** A machine for a broker, a network, and clients. */
export class World {
  readonly clock = new SimulatedClock();
  readonly disk = new MemoryDisk();
  readonly random: SeededEntropy;
  readonly network: SimulatedNetwork;
  readonly limits: Limits;
  #stopBroker = () => Promise.resolve();

  /** The world of a seed, in which nothing runs yet. */
  constructor(seed: number, limits: Partial<Limits> = {}) {
    this.random = new SeededEntropy(seed);
    this.network = new SimulatedNetwork(this.clock, this.random.fork());
    this.limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Time and chance for one program. */
  runtime(): Runtime {
    return { clock: this.clock, timers: this.clock, random: this.random.fork() };
  }

  /** Starts a broker on the disk; it listens. */
  async startBroker(): Promise<void> {
    const runtime = this.runtime();
    const store = new MemoryStore(this.disk);
    const { limits } = this;
    const broker = new RunningBroker({
      broker: await restoreBroker({ limits, random: runtime.random }, store),
      store,
      limits,
      runtime,
      onFailure: () => this.network.listen(),
    });
    broker.start();
    this.network.listen((socket) => broker.accept(socket));
    this.#stopBroker = async () => {
      await broker.stop();
      await store.close();
    };
  }

  /** Stops the broker in order; what it knows stays on the disk. */
  async stopBroker(): Promise<void> {
    this.network.listen();
    await this.#stopBroker();
  }

  /** How a client reaches the broker. */
  connection(identity: string): ConnectionOptions {
    return {
      host: "broker",
      port: 1,
      credentials: { certificate: "", privateKey: "", authorities: "" },
      dial: this.network.dialAs(identity),
      runtime: this.runtime(),
    };
  }
}
