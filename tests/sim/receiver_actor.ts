/**
 * A real receiver that crashes and comes back.
 *
 * I1: it acknowledges nothing that its sink does not have; and nothing that it was not given.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import { Receiver } from "../../lib/client/receiver.ts";
import { type Stage, textOf } from "./actor.ts";
import { BACKOFF, KEEP_ALIVE } from "./client_options.ts";
import type { Delivered } from "./conversation.ts";
import { privateKeyOf } from "./raw_envelope.ts";
import type { ReceiverPlan } from "./scenario.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWire } from "./simulated_wire.ts";
import { SinkDisk } from "./simulated_sink.ts";

/** Ends that the network explains; another attempt follows. */
const EXPLAINED: ReadonlySet<string> = new Set(["tls", "connection", "timeout"]);

/** One receiver and what survives it. */
export class ReceiverActor {
  readonly plan: ReceiverPlan;
  readonly sink: SinkDisk;
  readonly #stage: Stage;
  #process: SimulatedProcess | undefined;
  #receiver: Receiver | undefined;

  /** A receiver that does not run yet. */
  constructor(stage: Stage, plan: ReceiverPlan, meant: ReadonlySet<string>) {
    this.#stage = stage;
    this.plan = plan;
    this.sink = new SinkDisk(stage, plan.identity, meant);
  }

  /** Whether it runs, or tries to. */
  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** Whether it was connected once since its start. */
  get isReady(): boolean {
    return this.#receiver !== undefined;
  }

  /** Whether a connection is its own. */
  owns(wire: SimulatedWire): boolean {
    return this.#process?.wires.has(wire) ?? false;
  }

  /** Starts it; again and again, as long as the network is the reason that it does not start. */
  start(): void {
    const { world, scenario } = this.#stage;
    const { identity, queue, prefetch, maxBatch } = this.plan;
    const process = world.process();
    this.#process = process;
    const started = Receiver.start({
      connection: { ...world.connection(identity, process), ...KEEP_ALIVE },
      backoff: BACKOFF,
      identity,
      queue,
      exchange: "d",
      privateKey: privateKeyOf(identity),
      sink: this.sink.open(process, () => this.crash()),
      prefetch,
      maxBatch,
      ackTimeoutMs: scenario.ackTimeoutMs,
    });
    void this.#follow(process, started);
  }

  /** Ends it at once. */
  crash(): void {
    this.#process?.kill();
    this.#process = undefined;
    this.#receiver = undefined;
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    await this.#receiver?.close();
  }

  /** It acknowledges something. */
  acked(id: string, delivered: Delivered | undefined): void {
    const { verdict } = this.#stage;
    const { identity } = this.plan;
    if (delivered === undefined) {
      return verdict.report("I7", `receiver ${identity} acks ${id}, which it does not hold`);
    }
    const text = textOf(this.#stage, delivered.body);
    verdict.require(
      text !== undefined && this.sink.hasText(text),
      "I1",
      () => `receiver ${identity} acks ${id} before its sink has '${text}'`,
    );
  }

  async #follow(process: SimulatedProcess, started: Promise<Receiver>): Promise<void> {
    try {
      const receiver = await started;
      this.#receiver = receiver;
      await receiver.done;
    } catch (error) {
      if (!process.alive) return;
      this.crash();
      const explained = error instanceof CipherMqError && EXPLAINED.has(error.code);
      const { verdict, world } = this.#stage;
      verdict.require(explained, "sanity", () => `a receiver ended: ${error}`);
      world.clock.after(100, () => {
        if (!this.isUp) this.start();
      });
    }
  }
}
