/**
 * A publisher that speaks the protocol by itself: it publishes again what it published, and other things
 * under ids that it has used, and under ids that others use.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import { RawClient } from "./raw_client.ts";
import { rawEnvelope } from "./raw_envelope.ts";
import type { RoutePlan } from "./scenario.ts";

/** Ids that several publishers share. */
const SHARED_IDS = 30;

/** One publisher. */
export class RawPublisher {
  /** Its connection. */
  readonly client: RawClient;
  readonly #stage: Stage;
  readonly #meant: Map<string, Set<string>>;
  /** What it said to publish. */
  readonly #published: string[] = [];
  readonly #used: string[] = [];
  #sent = 0;

  /** Has published nothing. */
  constructor(stage: Stage, name: string, meant: Map<string, Set<string>>) {
    this.#stage = stage;
    this.client = new RawClient(stage, name);
    this.#meant = meant;
  }

  /** Publishes something new, alone or with others. */
  publish(): void {
    const { random, scenario } = this.#stage;
    if (!this.client.isOpen) return this.client.open();
    const route = random.pick(scenario.routes);
    const count = random.chance(0.2) ? 2 + random.below(3) : 1;
    const ids = Array.from({ length: count }, () => this.#newId());
    this.#say(route, ids.map((id) => this.#envelope(id)), count > 1);
  }

  /** Publishes the very same again. */
  again(): void {
    const { random } = this.#stage;
    if (this.#published.length > 0) this.client.send(random.pick(this.#published));
  }

  /** Publishes something else under an id that it has used. */
  reuse(): void {
    const { random, scenario } = this.#stage;
    if (this.#used.length === 0 || !this.client.isOpen) return;
    const id = random.pick(this.#used);
    this.#say(random.pick(scenario.routes), [this.#envelope(id)], false);
  }

  #say({ exchange, key }: RoutePlan, envelopes: readonly string[], isBatch: boolean): void {
    const { random } = this.#stage;
    const ttl = !isBatch && random.chance(0.08) ? ` ttl_ms=${1 + random.below(600)}` : "";
    const line = isBatch
      ? `publish_batch ${exchange} ${key} [${envelopes.join(",")}]`
      : `publish ${exchange} ${key} ${envelopes[0]}${ttl}`;
    this.#published.push(line);
    this.client.send(line);
  }

  #newId(): string {
    const { random } = this.#stage;
    const id = random.chance(0.3)
      ? `shared-${random.below(SHARED_IDS)}`
      : `${this.client.identity}-${this.#sent++}`;
    this.#used.push(id);
    return id;
  }

  #envelope(id: string): string {
    const { random, scenario, texts } = this.#stage;
    const receiver = random.pick(scenario.identities);
    const text = `${this.client.identity}/${id}/${random.uint32()}`;
    const body = rawEnvelope(id, receiver, text, random);
    if (random.chance(0.04)) return body.replace(/"tag":"[^"]{4}/, '"tag":"AAAA');
    texts.set(body, text);
    this.#meant.get(receiver)!.add(text);
    return body;
  }
}
