/**
 * The second composition root: the real broker and the real clients, with a clock, randomness, a network
 * and a disk that one seed decides.
 *
 * @module
 */
import type { CipherMqError } from "../../lib/base/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { ConnectionOptions } from "../../lib/client/connection.ts";
import { restoreBroker, RunningBroker } from "../../lib/server/running_broker.ts";
import { FaultCounts } from "./faults.ts";
import { SeededEntropy } from "./seeded_entropy.ts";
import { SimulatedClock } from "./simulated_clock.ts";
import { SimulatedDisk, SimulatedStore } from "./simulated_disk.ts";
import { SimulatedNetwork } from "./simulated_network.ts";
import { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWire } from "./simulated_wire.ts";

/** A broker that runs. */
interface Running {
  readonly broker: RunningBroker;
  readonly process: SimulatedProcess;
  stopping: boolean;
}

/** A machine for a broker, a network, and clients. */
export class World {
  readonly clock = new SimulatedClock();
  readonly counts = new FaultCounts();
  readonly random: SeededEntropy;
  readonly network: SimulatedNetwork;
  readonly disk: SimulatedDisk;
  readonly limits: Limits;
  #running: Running | undefined;
  /** Told that a broker stopped by itself; `injected`: because its store was made to fail. */
  onBrokerFailure: (error: CipherMqError, injected: boolean) => void = () => {};
  /** Told that a broker is no more, however it ended. */
  onBrokerGone: () => void = () => {};
  /** Given each broker that is there again, before anybody else connects. */
  onBrokerStart: (accept: (socket: SimulatedWire) => void) => Promise<void> = () =>
    Promise.resolve();

  /** The world of a seed, in which nothing runs yet. */
  constructor(seed: number, limits: Partial<Limits> = {}) {
    this.random = new SeededEntropy(seed);
    this.network = new SimulatedNetwork(this.clock, this.random.fork(), this.counts);
    this.disk = new SimulatedDisk(this.random.fork(), this.counts);
    this.limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Whether a broker runs. */
  get isUp(): boolean {
    return this.#running !== undefined;
  }

  /** A program for a client. */
  process(): SimulatedProcess {
    return new SimulatedProcess(this.clock, this.random.fork());
  }

  /** Starts a broker on the disk; it listens. */
  async startBroker(): Promise<void> {
    const process = this.process();
    const { limits } = this;
    const store = new SimulatedStore(this.disk, process, this.counts, () => this.crashBroker());
    const broker = new RunningBroker({
      broker: await restoreBroker({ limits, random: process.runtime.random }, store),
      store,
      limits,
      runtime: process.runtime,
      onFailure: (error) => {
        this.network.listen();
        this.onBrokerFailure(error, store.hasFailed);
      },
    });
    broker.start();
    const accept = (socket: SimulatedWire) => {
      process.wires.add(socket);
      broker.accept(socket);
    };
    this.#running = { broker, process, stopping: false };
    await this.onBrokerStart(accept);
    const isWanted = this.#running?.process === process && !this.#running.stopping;
    if (isWanted) this.network.listen(accept);
  }

  /** Stops the broker in order; what it knows stays on the disk. */
  async stopBroker(): Promise<void> {
    this.network.listen();
    const running = this.#running;
    if (running !== undefined) running.stopping = true;
    await running?.broker.stop();
    if (this.#running !== running) return;
    this.#running = undefined;
    running?.process.kill();
    this.onBrokerGone();
  }

  /** Ends the broker's machine at once. */
  crashBroker(): void {
    this.network.listen();
    this.#running?.process.kill();
    this.#running = undefined;
    this.disk.lose();
    this.onBrokerGone();
  }

  /** Tells the broker whether its disk is nearly full. */
  tellDisk(low: boolean): void {
    this.#running?.broker.disk(low);
  }

  /** How a client reaches the broker. */
  connection(identity: string, process: SimulatedProcess = this.process()): ConnectionOptions {
    return {
      host: "broker",
      port: 1,
      credentials: { certificate: "", privateKey: "", authorities: "" },
      dial: this.network.dialer({ identity, process }),
      runtime: process.runtime,
    };
  }
}
