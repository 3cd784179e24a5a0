/**
 * What clients declare, bind, undo and empty.
 *
 * @module
 */
import { deadLetterQueueOf, isForDeadLetters } from "../base/dead_letter_queue.ts";
import type { Limits } from "../base/limits.ts";
import { nameProblem } from "../base/names.ts";
import type { QueueOptions } from "../base/queue_options.ts";
import type { Delivery } from "./delivery.ts";
import type { InputOf } from "./input.ts";
import type { Peer } from "./peer.ts";
import type { Topology } from "./topology.ts";
import type { Turn } from "./turn.ts";

/** What changes the topology. */
export type Declaration = InputOf<
  | "declare_exchange"
  | "delete_exchange"
  | "declare_queue"
  | "delete_queue"
  | "purge"
  | "bind"
  | "unbind"
>;

/** Answers what changes the topology. */
export class Declarations {
  readonly #topology: Topology;
  readonly #delivery: Delivery;
  readonly #limits: Limits;

  /** Changes `topology` within `limits`. */
  constructor(topology: Topology, delivery: Delivery, limits: Limits) {
    this.#topology = topology;
    this.#delivery = delivery;
    this.#limits = limits;
  }

  /** Takes one such input. */
  take(turn: Turn, peer: Peer, input: Declaration): void {
    switch (input.kind) {
      case "declare_exchange":
        return this.#declareExchange(turn, peer, input);
      case "delete_exchange":
        return this.#deleteExchange(turn, peer, input);
      case "declare_queue":
        return this.#declareQueue(turn, peer, input);
      case "delete_queue":
        return this.#deleteQueue(turn, peer, input);
      case "purge":
        return this.#purge(turn, peer, input);
      case "bind":
        return this.#bind(turn, peer, input);
      case "unbind":
        return this.#unbind(turn, peer, input);
    }
  }

  /** Declares an exchange; again with the same kind is fine. */
  #declareExchange(turn: Turn, peer: Peer, input: InputOf<"declare_exchange">): void {
    const { exchange, exchangeKind } = input;
    const declared = this.#topology.exchange(exchange);
    if (declared === undefined) {
      const { maxExchanges } = this.#limits;
      if (this.#topology.exchangeCount >= maxExchanges) {
        return turn.refuse(peer, "limit", `there are ${maxExchanges} exchanges, the limit`);
      }
      this.#topology.addExchange(exchange, exchangeKind);
      turn.change({ kind: "exchange_declared", exchange, exchangeKind });
    } else if (declared.kind !== exchangeKind) {
      const why = `exchange '${exchange}' is already declared as ${declared.kind}`;
      return turn.refuse(peer, "conflict", why);
    }
    turn.answer(peer, { kind: "exchange_declared" });
  }

  /** Deletes an exchange. */
  #deleteExchange(turn: Turn, peer: Peer, input: InputOf<"delete_exchange">): void {
    const exchange = this.#topology.exchange(input.exchange);
    if (exchange === undefined) return refuseExchange(turn, peer, input.exchange);
    if (exchange.bindings > 0 && !input.force) {
      const why = `exchange '${exchange.name}' has ${exchange.bindings} bindings`;
      return turn.refuse(peer, "conflict", `${why}; add force to delete it all the same`);
    }
    this.#topology.removeExchange(exchange);
    turn.change({ kind: "exchange_deleted", exchange: exchange.name });
    turn.answer(peer, { kind: "exchange_deleted" });
  }

  /** Declares a queue, or tells one that is there how to treat its messages. */
  #declareQueue(turn: Turn, peer: Peer, { queue: name, options }: InputOf<"declare_queue">): void {
    const declared = this.#topology.queue(name);
    const problem = this.#problemOfOptions(options) ??
      (declared === undefined ? this.#problemOfNew(name) : undefined);
    if (problem !== undefined) return turn.refuse(peer, "limit", problem);
    if (declared === undefined) {
      this.#topology.addQueue(name, options);
      turn.change({ kind: "queue_declared", queue: name, options });
    } else if (declared.tell(options)) {
      turn.change({ kind: "queue_declared", queue: name, options: declared.told });
    }
    turn.answer(peer, { kind: "queue_declared" });
  }

  /** Deletes a queue with its bindings and, if that is wanted, its messages. */
  #deleteQueue(
    turn: Turn,
    peer: Peer,
    { queue: name, force }: InputOf<"delete_queue" | "purge">,
  ): void {
    const queue = this.#topology.queue(name);
    if (queue === undefined) return refuseQueue(turn, peer, name);
    if (!force && (queue.messages > 0 || queue.consumers > 0)) {
      const why = `queue '${name}' has ${queue.messages} messages and ${queue.consumers} consumers`;
      return turn.refuse(peer, "conflict", `${why}; add force to delete it all the same`);
    }
    this.#delivery.drop(queue);
    for (const consumer of queue.allConsumers) {
      consumer.closed = true;
      consumer.peer.consumers.delete(name);
    }
    this.#topology.removeQueue(queue);
    turn.change({ kind: "queue_deleted", queue: name });
    turn.answer(peer, { kind: "queue_deleted" });
  }

  /** Removes what waits in a queue, as much as one step may; what is delivered and not acknowledged stays. */
  #purge(turn: Turn, peer: Peer, { queue: name, force }: InputOf<"delete_queue" | "purge">): void {
    const queue = this.#topology.queue(name);
    if (queue === undefined) return refuseQueue(turn, peer, name);
    const reason = queue.consumers > 0
      ? `has ${queue.consumers} consumers`
      : queue.isForDeadLetters
      ? "holds dead letters"
      : undefined;
    if (!force && reason !== undefined) {
      const why = `queue '${name}' ${reason}; add force to purge it all the same`;
      return turn.refuse(peer, "conflict", why);
    }
    let count = 0;
    for (const lane of queue.lanes) {
      for (let message; !turn.exhausted && (message = lane.take()) !== undefined; count++) {
        this.#delivery.remove(turn, message);
      }
    }
    turn.answer(peer, { kind: "queue_purged", count });
  }

  /** Binds a queue to an exchange. */
  #bind(turn: Turn, peer: Peer, input: InputOf<"bind" | "unbind">): void {
    const { queue, exchange: name, routingKey } = input;
    const exchange = this.#topology.exchange(name);
    if (exchange === undefined) return refuseExchange(turn, peer, name);
    if (this.#topology.queue(queue) === undefined) return refuseQueue(turn, peer, queue);
    const { maxBindings } = this.#limits;
    if (this.#topology.bind(exchange, queue, routingKey)) {
      if (this.#topology.bindings > maxBindings) {
        this.#topology.unbind(exchange, queue, routingKey);
        return turn.refuse(peer, "limit", `there are ${maxBindings} bindings, the limit`);
      }
      turn.change({ kind: "bound", queue, exchange: name, routingKey });
    }
    turn.answer(peer, { kind: "queue_bound" });
  }

  /** Undoes a binding; fine when there was none. */
  #unbind(turn: Turn, peer: Peer, input: InputOf<"bind" | "unbind">): void {
    const { queue, exchange: name, routingKey } = input;
    const exchange = this.#topology.exchange(name);
    if (exchange === undefined) return refuseExchange(turn, peer, name);
    if (this.#topology.queue(queue) === undefined) return refuseQueue(turn, peer, queue);
    if (this.#topology.unbind(exchange, queue, routingKey)) {
      turn.change({ kind: "unbound", queue, exchange: name, routingKey });
    }
    turn.answer(peer, { kind: "queue_unbound" });
  }

  #problemOfOptions({ maxMessages = 0, maxBytes = 0 }: Partial<QueueOptions>): string | undefined {
    const { maxQueueMessages, maxQueueBytes } = this.#limits;
    if (maxMessages > maxQueueMessages) {
      return `max_messages is above the broker's limit of ${maxQueueMessages}`;
    }
    if (maxBytes <= maxQueueBytes) return undefined;
    return `max_bytes is above the broker's limit of ${maxQueueBytes}`;
  }

  #problemOfNew(name: string): string | undefined {
    const { maxQueues } = this.#limits;
    if (this.#topology.queueCount >= maxQueues) return `there are ${maxQueues} queues, the limit`;
    // Its dead letters must have a place to go; dead letters themselves stay where they are.
    if (isForDeadLetters(name) || nameProblem(deadLetterQueueOf(name)) === undefined) {
      return undefined;
    }
    return "the queue's name leaves no room for that of its dead-letter queue";
  }
}

/** Refuses what needs a queue that is not there. */
export function refuseQueue(turn: Turn, peer: Peer, queue: string): void {
  turn.refuse(peer, "not_found", `no queue '${queue}'; declare it first`);
}

/** Refuses what needs an exchange that is not there; `id` is the published message's. */
export function refuseExchange(turn: Turn, peer: Peer, exchange: string, id?: string): void {
  turn.refuse(peer, "not_found", `no exchange '${exchange}'; declare it first`, id);
}
