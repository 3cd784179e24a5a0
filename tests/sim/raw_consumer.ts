/**
 * A receiver that speaks the protocol by itself, under the name of a real one: it consumes or fetches,
 * acknowledges early, late, twice or never, gives back, rejects, and looks after dead letters.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import { RawClient } from "./raw_client.ts";

/** What it does with what it gets. */
export type Habit = "whimsical" | "fetches" | "holds" | "drains";

/** One of them. */
export class RawConsumer {
  /** Its connection. */
  readonly client: RawClient;
  readonly #stage: Stage;
  readonly #queues: readonly string[];
  readonly #habit: Habit;
  readonly #held: string[] = [];
  readonly #seen: string[] = [];

  /** Consumes, or fetches from, these queues. */
  constructor(stage: Stage, identity: string, queues: readonly string[], habit: Habit) {
    this.#stage = stage;
    this.#queues = queues;
    this.#habit = habit;
    this.client = new RawClient(
      stage,
      identity,
      (line) => this.#heard(line),
      () => this.#opened(),
    );
  }

  /** Does something. */
  act(): void {
    if (!this.client.isOpen) return this.client.open();
    const { random } = this.#stage;
    const queue = random.pick(this.#queues);
    if (this.#habit === "holds") {
      if (this.#held.length < 3) this.client.send(`fetch ${queue}`);
      return;
    }
    if (this.#habit === "fetches" && random.chance(0.5)) return this.client.send(`fetch ${queue}`);
    this.#whim(queue);
  }

  #whim(queue: string): void {
    const { random } = this.#stage;
    const plan = queue.replace(/\.dead$/, "");
    const whim = random.below(100);
    if (whim < 45) this.#settle("ack ");
    else if (whim < 55) this.#settle("nack ", random.pick(["", " again"]));
    else if (whim < 60) this.#settle("nack ", " dead it is bad");
    else if (whim < 68 && this.#held.length > 0) {
      this.client.send(`touch ${random.pick(this.#held)}`);
    } else if (whim < 78 && this.#seen.length > 0) {
      this.client.send(`ack ${random.pick(this.#seen)}`);
    } else if (whim < 84) this.client.send(`redrive ${plan}`);
    else if (whim < 88) this.client.send(`dead_letters ${plan}`);
    else if (whim < 91) this.client.send("stats");
    else if (whim < 93) this.client.send("heartbeat");
    else if (whim < 94) this.client.send(`purge ${plan} force`);
    else if (whim < 97) this.client.close();
  }

  #settle(verb: string, rest = ""): void {
    if (this.#held.length === 0) return;
    const at = this.#stage.random.below(this.#held.length);
    const [id] = this.#held.splice(at, 1);
    this.client.send(`${verb}${id}${rest}`);
  }

  #opened(): void {
    this.#held.length = 0;
    if (this.#habit === "fetches" || this.#habit === "holds") return;
    const prefetch = this.#habit === "drains" ? 1_000 : 1 + this.#stage.random.below(4);
    for (const queue of this.#queues) this.client.send(`consume ${queue} ${prefetch}`);
  }

  #heard(line: string): void {
    if (!line.startsWith("Message: ")) return;
    const id = line.slice(9, line.indexOf(" ", 9));
    if (this.#habit === "drains") return this.client.send(`ack ${id}`);
    if (this.#habit === "holds") this.#stage.world.counts.add("silent holder of leases");
    this.#held.push(id);
    this.#seen.push(id);
  }
}
