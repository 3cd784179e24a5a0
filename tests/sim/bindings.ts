/**
 * Which queues take what is published, as the protocol has it.
 *
 * @module
 */
import type { Change } from "../../lib/core/effect.ts";
import { matchesTopic } from "../support/topic_rule.ts";

/** A binding as it is made or undone. */
export type BindingPlan = Extract<Change, { kind: "bound" | "unbound" }>;

/** The bindings of a moment, of a direct exchange `d`, a topic exchange `t` and a fanout exchange `f`. */
export class Bindings {
  #bindings: readonly BindingPlan[];
  /** Those that were asked for, by exchange and key. */
  readonly #takers = new Map<string, readonly string[]>();

  /** Begins with some of them. */
  constructor(bindings: readonly BindingPlan[]) {
    this.#bindings = bindings;
  }

  /** The queues that take what is published so. */
  takers(exchange: string, key: string): readonly string[] {
    const name = `${exchange} ${key}`;
    let takers = this.#takers.get(name);
    if (takers === undefined) this.#takers.set(name, takers = this.#findTakers(exchange, key));
    return takers;
  }

  /** A binding is made or undone. */
  change(binding: BindingPlan): void {
    const { queue, exchange, routingKey } = binding;
    this.#keep((one) =>
      one.queue !== queue || one.exchange !== exchange || one.routingKey !== routingKey
    );
    if (binding.kind === "bound") this.#bindings = [...this.#bindings, binding];
  }

  /** A queue is deleted, and its bindings with it. */
  deleted(queue: string): void {
    this.#keep((one) => one.queue !== queue);
  }

  #keep(isKept: (binding: BindingPlan) => boolean): void {
    this.#bindings = this.#bindings.filter(isKept);
    this.#takers.clear();
  }

  #findTakers(exchange: string, key: string): string[] {
    const found = new Set<string>();
    for (const binding of this.#bindings) {
      if (binding.exchange !== exchange) continue;
      const takes = exchange === "f" || binding.routingKey === key ||
        (exchange === "t" && matchesTopic(binding.routingKey, key));
      if (takes) found.add(binding.queue);
    }
    return [...found].toSorted();
  }
}
