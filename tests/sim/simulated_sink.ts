/**
 * A receiver's durable memory. What it accepts is durable after a while: a crash before loses it, a
 * crash after does not.
 *
 * I3: nothing is handed over that is durable here; I2: nothing that nobody sent.
 *
 * @module
 */
import type { MessageSink, OpenedMessage } from "../../lib/client/sink.ts";
import type { Stage } from "./actor.ts";
import type { SimulatedProcess } from "./simulated_process.ts";

/** What survives a receiver. */
export class SinkDisk {
  readonly #stage: Stage;
  readonly #identity: string;
  readonly #keys = new Set<string>();
  readonly #texts = new Set<string>();
  /** What was sent to this identity. */
  readonly #meant: ReadonlySet<string>;
  /** When the next message makes its receiver crash. */
  crash: "before" | "after" | undefined;

  /** Knows nothing yet. */
  constructor(stage: Stage, identity: string, meant: ReadonlySet<string>) {
    this.#stage = stage;
    this.#identity = identity;
    this.#meant = meant;
  }

  /** How many messages it has. */
  get size(): number {
    return this.#texts.size;
  }

  /** Whether a text is durable here. */
  hasText(text: string): boolean {
    return this.#texts.has(text);
  }

  /** The sink of one run of the receiver. */
  open(process: SimulatedProcess, kill: () => void): MessageSink {
    return {
      has: (key) => this.#keys.has(key),
      accept: (messages) => this.#accept(messages, process, kill),
      close: () => {},
    };
  }

  async #accept(
    messages: readonly OpenedMessage[],
    process: SimulatedProcess,
    kill: () => void,
  ): Promise<void> {
    const { verdict, world, random } = this.#stage;
    for (const { key, text } of messages) {
      const twice = this.#keys.has(key) || this.#texts.has(text);
      verdict.require(!twice, "I3", () => `${this.#identity} is handed '${text}' again`);
      verdict.require(this.#meant.has(text), "I2", () => `nobody sent '${text}'`);
    }
    await process.pause(random.between(0.5, 12));
    if (this.crash === "before") {
      world.counts.add("receiver crash before its sink is durable");
      return await this.#crash(kill);
    }
    for (const { key, text } of messages) {
      this.#keys.add(key);
      this.#texts.add(text);
    }
    if (this.crash !== "after") return;
    world.counts.add("receiver crash after its sink is durable");
    await this.#crash(kill);
  }

  #crash(kill: () => void): Promise<never> {
    this.crash = undefined;
    kill();
    return new Promise(() => {});
  }
}
