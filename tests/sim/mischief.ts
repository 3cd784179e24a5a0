/**
 * What happens in a history: operations and faults, drawn from a list by their weight.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import type { Cast } from "./cast.ts";
import type { CommitFault } from "./simulated_disk.ts";

/** How long a broker stays away, in milliseconds. */
const DOWN_MS = [10, 250] as const;
const HOUR_MS = 60 * 60 * 1000;

/** Something that may happen: how often, and what; it gives how long nothing else does, if it matters. */
type Operation = readonly [weight: number, work: () => number | void];

/** The hand of fate in one history. */
export class Mischief {
  readonly #stage: Stage;
  readonly #cast: Cast;
  readonly #operations: readonly Operation[];
  readonly #weights: number;
  #restarting = false;
  #stopping = false;

  /** Begins with the network's weather. */
  constructor(stage: Stage, cast: Cast) {
    this.#stage = stage;
    this.#cast = cast;
    const { world, random } = stage;
    world.network.storm({
      delay: random.pick([0, 0.005, 0.03]),
      split: random.pick([0, 0.1, 0.4]),
      coalesce: random.pick([0, 0.1, 0.4]),
      refuse: random.pick([0, 0.1]),
    });
    world.onBrokerGone = () => this.#brokerGone();
    this.#operations = [...this.#everyday(), ...this.#clients(), ...this.#machines()];
    this.#weights = this.#operations.reduce((sum, [weight]) => sum + weight, 0);
  }

  /** Does something; gives how long to wait besides, in milliseconds. */
  operate(): number {
    let at = this.#stage.random.between(0, this.#weights);
    for (const [weight, work] of this.#operations) {
      at -= weight;
      if (at < 0) return work() ?? 0;
    }
    return 0;
  }

  /** No more faults. */
  end(): void {
    const { world, ledger } = this.#stage;
    world.network.storm();
    world.network.calm();
    world.disk.arm();
    world.disk.stall(0);
    for (const { sink } of this.#cast.receivers) sink.crash = undefined;
    ledger.lowSinceMs = Infinity;
    world.tellDisk(false);
    this.restart();
  }

  /** Starts a broker, if there is none. */
  restart(): void {
    const { world, verdict } = this.#stage;
    if (world.isUp || this.#restarting) return;
    this.#restarting = true;
    world.startBroker().catch((error) => verdict.report("I14", `no broker starts: ${error}`))
      .finally(() => this.#restarting = false);
  }

  #everyday(): Operation[] {
    const { random } = this.#stage;
    const { senders, publishers, consumers, holders, meddlers, mallory } = this.#cast;
    return [
      [36, () => {
        for (let left = 1 + random.below(3); left > 0; left--) random.pick(senders).send();
      }],
      [24, () => random.pick(publishers).publish()],
      [10, () => random.pick(publishers).again()],
      [3, () => random.pick(publishers).reuse()],
      [1, () => random.pick(publishers).client.close()],
      [20, () => random.pick(consumers).act()],
      [3, () => random.pick(holders).act()],
      [6, () => mallory.act()],
      ...meddlers.map((one): Operation => [12, () => one.act()]),
      [2, () => random.between(50, 700)],
    ];
  }

  #clients(): Operation[] {
    const { world, random } = this.#stage;
    const { senders, receivers } = this.#cast;
    const back = () => world.clock.after(random.between(10, 300), () => this.#cast.start());
    return [
      [0.8, () => {
        const sender = random.pick(senders);
        if (!sender.isUp) return;
        world.counts.add("sender crash");
        sender.crash();
        back();
      }],
      [0.8, () => {
        const receiver = random.pick(receivers);
        if (!receiver.isUp) return;
        world.counts.add("receiver crash");
        receiver.crash();
        back();
      }],
      [1.2, () => {
        random.pick(receivers).sink.crash = random.pick(["before", "after"]);
        world.clock.after(random.between(50, 300), () => this.#cast.start());
      }],
      [1, () => {
        world.counts.add("slow consumer");
        world.network.anyConnection()?.stall(random.between(20, 900));
      }],
    ];
  }

  #machines(): Operation[] {
    const { world, random, ledger } = this.#stage;
    const { network, disk, clock, counts } = world;
    const commit = (weight: number, fault: CommitFault): Operation => [
      weight,
      () => disk.arm(fault),
    ];
    return [
      [0.8, () => {
        counts.add("reset");
        network.anyConnection()?.reset();
      }],
      [1, () => {
        const client = network.anyConnection();
        const end = random.chance(0.5) ? client : client?.peer;
        end?.cutAfter(random.below(600), () => counts.add("cut at any byte"));
      }],
      [0.6, () => {
        const client = network.anyConnection();
        if (client === undefined) return;
        counts.add("half-open");
        network.vanish(client);
      }],
      [0.5, () => {
        if (!world.isUp) return;
        counts.add("broker crash between two steps");
        world.crashBroker();
      }],
      commit(0.5, "crash before"),
      commit(0.5, "crash after"),
      commit(0.25, "error, not in effect"),
      commit(0.25, "error, in effect"),
      commit(0.15, "read error"),
      [0.4, () => this.#diskLow()],
      [0.4, () => {
        counts.add("stalled disk");
        disk.stall(random.between(20, 300));
        clock.after(random.between(50, 600), () => disk.stall(0));
      }],
      [0.3, () => {
        const ms = random.pick([-1, 1]) * random.pick([300, 5_000, HOUR_MS]);
        counts.add("wall clock jump");
        ledger.jumps += Math.abs(ms);
        clock.jump(ms);
      }],
      [0.4, () => this.#restartInOrder()],
    ];
  }

  #diskLow(): void {
    const { world, random, ledger } = this.#stage;
    if (!world.isUp || ledger.lowSinceMs < Infinity) return;
    world.counts.add("disk nearly full");
    world.tellDisk(true);
    ledger.lowSinceMs = world.clock.nowMs;
    world.clock.after(random.between(20, 400), () => {
      ledger.lowSinceMs = Infinity;
      world.tellDisk(false);
    });
  }

  #restartInOrder(): void {
    const { world, ledger } = this.#stage;
    if (!world.isUp || this.#stopping) return;
    world.counts.add("orderly restart");
    this.#stopping = true;
    ledger.expiry.stopping();
    world.stopBroker().finally(() => this.#stopping = false);
  }

  #brokerGone(): void {
    const { world, random, ledger, wires } = this.#stage;
    wires.brokerGone();
    this.#stopping = false;
    this.#restarting = false;
    ledger.lowSinceMs = Infinity;
    world.clock.after(random.between(...DOWN_MS), () => this.restart());
  }
}
