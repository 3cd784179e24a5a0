/**
 * A client with a queue of its own that comes and goes: it binds it to what others publish to, undoes
 * that, and deletes it, with force and without.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import { RawClient } from "./raw_client.ts";

/** The queue. */
export const PASSING_QUEUE = "passing";

/** One such client. */
export class Meddler {
  /** Its connection. */
  readonly client: RawClient;
  readonly #stage: Stage;
  /** It has asked for something and has no reply: one after another, or a drain could lose its queue. */
  #waits = false;

  /** Not connected. */
  constructor(stage: Stage) {
    this.#stage = stage;
    const rest = () => this.#waits = false;
    this.client = new RawClient(stage, "meddler", rest, rest);
  }

  /** Does something. */
  act(): void {
    if (!this.client.isOpen) return this.client.open();
    if (this.#waits) return;
    this.#waits = true;
    this.client.send(this.#command());
  }

  #command(): string {
    const { random, scenario } = this.#stage;
    const kind = random.below(10);
    if (kind < 2) return `declare_queue ${PASSING_QUEUE}`;
    if (kind === 8) return `delete_queue ${PASSING_QUEUE}`;
    if (kind === 9) return `delete_queue ${PASSING_QUEUE} force`;
    const binding = random.pick(["t #", "t a.*", "f all", `d ${random.pick(scenario.identities)}`]);
    return `${kind < 6 ? "bind" : "unbind"} ${PASSING_QUEUE} ${binding}`;
  }
}
