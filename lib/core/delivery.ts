/**
 * Messages on their way: handing out, coming back, leaving for good or for a dead-letter queue.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { deadLetterQueueOf } from "../base/dead_letter_queue.ts";
import type { Consumer } from "./consumer.ts";
import { Expiring } from "./expiring.ts";
import { InFlight, type Lease } from "./in_flight.ts";
import { type DeadReason, Message, type MessageHead } from "./message.ts";
import type { Peer } from "./peer.ts";
import type { Queue } from "./queue.ts";
import type { Stats } from "./stats.ts";
import { expiryOf } from "./time_to_live.ts";
import type { Topology } from "./topology.ts";
import type { Turn } from "./turn.ts";

/** Leases that one tick ends; the next one goes on. */
const MAX_OVERDUE = 10_000;

/** Who holds which message, and what becomes of it. */
export class Delivery {
  readonly #topology: Topology;
  readonly #stats: Stats;
  readonly #inFlight = new InFlight();
  readonly #expiring = new Expiring();
  /** Came back to die when that was too much for one step: nobody gets them, and a tick ends them. */
  readonly #dying = new Map<Message, DeadReason>();

  /** Delivers what is in the queues of `topology`. */
  constructor(topology: Topology, stats: Stats) {
    this.#topology = topology;
    this.#stats = stats;
  }

  /** Adds a message at the end of its lane. */
  enqueue(queue: Queue, message: Message): void {
    queue.append(message);
    this.#expiring.add(message);
  }

  /** Hands out what waits for `receiver` until messages or credit run out. */
  push(turn: Turn, queue: Queue, receiver: string): void {
    while (this.oldest(turn, queue, receiver) !== undefined) {
      const next = queue.assign(receiver);
      if (next === undefined) return;
      this.hand(turn, next.message, next.consumer.peer, next.consumer);
      queue.offer(next.consumer);
    }
  }

  /** The oldest message that waits for `receiver`; those before it whose time is over end now. */
  oldest(turn: Turn, queue: Queue, receiver: string): Message | undefined {
    for (;;) {
      const message = queue.peek(receiver);
      const reason = message && (this.#dying.get(message) ?? this.#overReason(message, turn));
      if (message === undefined || reason === undefined) return message;
      // The next tick goes on.
      if (turn.exhausted) return undefined;
      this.#end(turn, message, reason);
    }
  }

  /** Hands a message that was taken from its lane to `peer`, by a subscription or a fetch. */
  hand(turn: Turn, message: Message, peer: Peer, consumer: Consumer | undefined): void {
    // Checked at every delivery, repeated ones included: a message goes only to whom it is for.
    assert(message.receiver === peer.identity, "a message goes to whom it is addressed");
    assert(!message.removed && message.lease === undefined, "a message has one live lease");
    this.#inFlight.lease(message, peer, consumer, turn.now.monoMs);
    this.#stats.delivered++;
    if (message.deliveries > 1) this.#stats.redelivered++;
    turn.deliver(peer, message, consumer === undefined);
  }

  /** Gives a consumer its turns back and what waits for it. */
  offer(turn: Turn, consumer: Consumer): void {
    if (consumer.closed) return;
    const queue = this.#topology.queueOf(consumer);
    queue.offer(consumer);
    this.push(turn, queue, consumer.peer.identity);
  }

  /** The message `id` that this very connection holds. */
  held(peer: Peer, id: string): Message | undefined {
    return this.#inFlight.held(peer, id);
  }

  /** The message `id` that another connection of the peer's identity was given. */
  given(peer: Peer, id: string): Message | undefined {
    return this.#inFlight.given(peer, id);
  }

  /** Starts the time of all leases anew under which this very connection holds `id`; false without any. */
  prolong(turn: Turn, peer: Peer, id: string): boolean {
    return this.#inFlight.prolong(peer, id, turn.now.monoMs);
  }

  /** Removes a message for good. Gives the lease that ended, whose consumer may be offered more. */
  remove(turn: Turn, message: Message): Lease | undefined {
    const lease = this.#takeOut(message);
    turn.spend(message);
    turn.change({ kind: "removed", message });
    return lease;
  }

  /** A delivery was not acknowledged: the message goes back, or is a dead letter by now. */
  #comeBack(turn: Turn, message: Message): void {
    const queue = this.#topology.queueOf(message);
    const { maxDeliveries } = queue.options;
    const lease = this.#inFlight.release(message);
    assert(lease !== undefined, "what comes back was leased");
    const isWorn = maxDeliveries > 0 && message.deliveries >= maxDeliveries;
    const reason = isWorn ? "max_deliveries" : this.#overReason(message, turn);
    if (reason !== undefined && !turn.exhausted) return this.#end(turn, message, reason);
    if (reason !== undefined) this.#dying.set(message, reason);
    queue.giveBack(message);
    turn.change({ kind: "returned", message, deliveries: message.deliveries });
  }

  /** Makes a message a dead letter, wherever it is. */
  #bury(turn: Turn, message: Message, reason: DeadReason, text = ""): void {
    const { queue, deliveries } = message;
    const dead = { reason, text, deliveries, atMs: turn.now.wallMs, queue };
    this.#stats.deadLettered++;
    this.#move(turn, message, this.#deadLetterQueue(turn, queue), { dead, expiresMs: 0 });
  }

  /** Makes a message that its receiver refuses a dead letter at once. */
  reject(turn: Turn, message: Message, text: string): void {
    const consumer = message.lease?.consumer;
    this.#bury(turn, message, "rejected", text);
    if (consumer !== undefined) this.offer(turn, consumer);
  }

  /** Puts a dead letter back where it was, as if it had just been published. */
  redrive(turn: Turn, message: Message, queue: Queue): void {
    const expiresMs = expiryOf(turn.now.wallMs, queue.options.ttlMs);
    this.#move(turn, message, queue, { dead: undefined, expiresMs });
  }

  /** Drops all messages of a queue that is deleted. */
  drop(queue: Queue): void {
    for (const message of this.#inFlight.leasedIn(queue.name)) this.#takeOut(message);
    for (const lane of queue.lanes) {
      for (const message of lane.all()) this.#takeOut(message);
    }
  }

  /** Ends the leases that are older than their queue allows, and messages that waited too long. */
  tick(turn: Turn): void {
    let left = MAX_OVERDUE;
    for (const name of this.#inFlight.queues) {
      if (left === 0) break;
      const queue = this.#topology.queueOf({ queue: name });
      const sinceMs = turn.now.monoMs - queue.options.ackTimeoutMs;
      const overdue = this.#inFlight.overdue(name, sinceMs, left);
      left -= overdue.length;
      this.comeBackAll(turn, overdue);
    }
    const lanes = new Map<string, Message>();
    for (const [message, reason] of this.#dying) {
      if (turn.exhausted) break;
      lanes.set(laneName(message), message);
      this.#end(turn, message, reason);
    }
    while (!turn.exhausted) {
      const message = this.#expiring.take(turn.now.wallMs);
      if (message === undefined) break;
      // One that is held may still be acknowledged; it expires when it comes back.
      if (message.removed || message.lease !== undefined) continue;
      lanes.set(laneName(message), message);
      this.#expire(turn, message);
    }
    this.#pushLanes(turn, lanes);
  }

  /** Takes messages back whose deliveries were not acknowledged, and hands them out again. */
  comeBackAll(turn: Turn, messages: readonly Message[]): void {
    const freed = new Set<Consumer>();
    const lanes = new Map<string, Message>();
    for (const message of messages) {
      if (message.lease?.consumer !== undefined) freed.add(message.lease.consumer);
      lanes.set(laneName(message), message);
      this.#comeBack(turn, message);
    }
    for (const consumer of freed) this.offer(turn, consumer);
    this.#pushLanes(turn, lanes);
  }

  /** Hands out what waits in the lanes of some messages: what left may have stood before it. */
  #pushLanes(turn: Turn, lanes: ReadonlyMap<string, Message>): void {
    for (const message of lanes.values()) {
      this.push(turn, this.#topology.queueOf(message), message.receiver);
    }
  }

  #end(turn: Turn, message: Message, reason: DeadReason): void {
    if (reason === "expired") this.#expire(turn, message);
    else this.#bury(turn, message, reason);
  }

  #expire(turn: Turn, message: Message): void {
    this.#stats.expired++;
    if (this.#topology.queueOf(message).options.expired === "dead") {
      this.#bury(turn, message, "expired");
    } else this.remove(turn, message);
  }

  #move(
    turn: Turn,
    message: Message,
    queue: Queue,
    facts: Pick<MessageHead, "dead" | "expiresMs">,
  ): void {
    this.#takeOut(message);
    turn.spend(message);
    const moved = new Message(
      { ...headOf(message), ...queue.next(message.receiver), ...facts },
      message.acceptedMs,
    );
    turn.change({ kind: "moved", from: message, message: moved });
    this.enqueue(queue, moved);
    this.push(turn, queue, moved.receiver);
  }

  #takeOut(message: Message): Lease | undefined {
    const lease = this.#inFlight.release(message);
    this.#inFlight.forget(message);
    this.#topology.queueOf(message).remove(message);
    this.#expiring.remove(message);
    this.#dying.delete(message);
    return lease;
  }

  #overReason(message: Message, { now }: Turn): DeadReason | undefined {
    return this.#expiring.isOver(message, now.wallMs) ? "expired" : undefined;
  }

  #deadLetterQueue(turn: Turn, queue: string): Queue {
    const name = deadLetterQueueOf(queue);
    const declared = this.#topology.queue(name);
    if (declared !== undefined) return declared;
    // Whatever its quotas, a dead letter always finds room: those are for what clients publish to it.
    turn.change({ kind: "queue_declared", queue: name, options: {} });
    return this.#topology.addQueue(name, {});
  }
}

/** Names have no spaces. */
function laneName({ queue, receiver }: Message): string {
  return `${queue} ${receiver}`;
}

function headOf(message: Message): Omit<MessageHead, "queue" | "receiver" | "seq"> {
  const { id, publisher, size, checksum, exchange, routingKey, expiresMs, dead } = message;
  return { id, publisher, size, checksum, exchange, routingKey, expiresMs, dead };
}
