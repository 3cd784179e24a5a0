/**
 * Looking at dead letters and sending them on their way again. A receiver sees and moves those that
 * are addressed to it.
 *
 * @module
 */
import { deadLetterQueueOf } from "../base/dead_letter_queue.ts";
import { refuseQueue } from "./declarations.ts";
import type { Delivery } from "./delivery.ts";
import type { DeadLetterReport } from "./effect.ts";
import type { InputOf } from "./input.ts";
import type { DeadLetter, Message } from "./message.ts";
import type { Peer } from "./peer.ts";
import type { Topology } from "./topology.ts";
import type { Turn } from "./turn.ts";

/** Dead letters in one answer. */
const MAX_LISTED = 100;
/** Dead letters that one command redrives, where a step's bytes are not reached before. */
const MAX_REDRIVEN = 1_000;

/** Answers what is about dead letters. */
export class DeadLetters {
  readonly #topology: Topology;
  readonly #delivery: Delivery;

  /** Looks into the dead-letter queues of `topology`. */
  constructor(topology: Topology, delivery: Delivery) {
    this.#topology = topology;
    this.#delivery = delivery;
  }

  /** Lists the dead letters of a queue that wait, from a place on. */
  list(turn: Turn, peer: Peer, { queue, after = -1 }: InputOf<"dead_letters">): void {
    // Dead letters outlive their queue.
    const isKnown = [queue, deadLetterQueueOf(queue)].some((name) => this.#topology.queue(name));
    if (!isKnown) return refuseQueue(turn, peer, queue);
    const letters = this.#waiting(peer, queue, after + 1, MAX_LISTED).map(report);
    turn.answer(peer, { kind: "dead_letters", letters });
  }

  /** Puts dead letters back into their queue, in order, as far as there is room. */
  redrive(turn: Turn, peer: Peer, { queue: name, id }: InputOf<"redrive">): void {
    const queue = this.#topology.queue(name);
    if (queue === undefined) return refuseQueue(turn, peer, name);
    const limit = id === undefined ? MAX_REDRIVEN : Infinity;
    let count = 0;
    for (const message of this.#waiting(peer, name, 0, limit)) {
      if (turn.exhausted) break;
      // One may have been handed out since: what is redriven can make room for it.
      if (message.lease !== undefined || (id !== undefined && message.id !== id)) continue;
      if (queue.fullness(message.size) !== undefined) break;
      this.#delivery.redrive(turn, message, queue);
      count++;
    }
    turn.answer(peer, { kind: "redriven", count });
    const letters = this.#topology.queue(deadLetterQueueOf(name));
    if (letters !== undefined) this.#delivery.push(turn, letters, peer.identity);
  }

  #waiting(peer: Peer, queue: string, from: number, limit: number): DeadMessage[] {
    const letters = this.#topology.queue(deadLetterQueueOf(queue));
    return letters?.list(peer.identity, from, limit, isDead) ?? [];
  }
}

/** A message that is a dead letter. */
type DeadMessage = Message & { readonly dead: DeadLetter };

/** A client may have published to a queue with such a name itself: that is no dead letter. */
function isDead(message: Message): message is DeadMessage {
  return message.dead !== undefined;
}

function report(message: DeadMessage): DeadLetterReport {
  const { seq, id, publisher, size, exchange, routingKey, dead } = message;
  return { seq, id, publisher, size, exchange, routingKey, ...dead };
}
