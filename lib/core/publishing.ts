/**
 * From a publish to a message in each queue that takes it, once.
 *
 * @module
 */
import type { Limits } from "../base/limits.ts";
import { checksumOf } from "./checksum.ts";
import { refuseExchange } from "./declarations.ts";
import type { DedupWindow } from "./dedup_window.ts";
import type { Delivery } from "./delivery.ts";
import type { InputOf } from "./input.ts";
import { Message } from "./message.ts";
import type { Peer } from "./peer.ts";
import type { Queue } from "./queue.ts";
import type { Stats } from "./stats.ts";
import { expiryOf } from "./time_to_live.ts";
import type { Topology } from "./topology.ts";
import type { Turn } from "./turn.ts";

/** Takes messages from publishers. */
export class Publishing {
  /** Set while the disk is nearly full: what would fill it is refused. */
  diskLow = false;
  readonly #topology: Topology;
  readonly #delivery: Delivery;
  /** Ids by publisher, each with the checksum of its body. */
  readonly #published: DedupWindow;
  readonly #stats: Stats;
  readonly #maxCopiesBytes: number;

  /** Publishes to the queues of `topology` what `published` does not remember. */
  constructor(
    topology: Topology,
    delivery: Delivery,
    published: DedupWindow,
    stats: Stats,
    { maxCopiesBytes }: Pick<Limits, "maxCopiesBytes">,
  ) {
    this.#topology = topology;
    this.#delivery = delivery;
    this.#published = published;
    this.#stats = stats;
    this.#maxCopiesBytes = maxCopiesBytes;
  }

  /** Takes one message, or refuses it. */
  publish(turn: Turn, peer: Peer, input: InputOf<"publish">): void {
    const { id } = input;
    const checksum = checksumOf(input.body);
    // Before routing: what was accepted once is accepted again, whatever happened to the bindings.
    const known = this.#published.recall(peer.identity, id);
    if (known !== undefined) return this.#again(turn, peer, id, known === checksum);
    const queues = this.#route(turn, peer, input);
    if (queues === undefined) return;
    const noRoom = this.#tooLarge(queues, input.body.length) ??
      this.#noRoom(turn, peer, input, queues);
    if (noRoom !== undefined) return turn.refuse(peer, "limit", noRoom, id);
    this.#published.remember(peer.identity, id, checksum, turn.now.wallMs);
    this.#stats.sent++;
    for (const queue of queues) this.#enqueue(turn, queue, input, peer.identity, checksum);
    turn.answer(peer, { kind: "accepted", id });
    for (const queue of queues) this.#delivery.push(turn, queue, input.receiver);
  }

  #again(turn: Turn, peer: Peer, id: string, same: boolean): void {
    if (!same) {
      const why = "this message id was already used for another message";
      return turn.refuse(peer, "conflict", why, id);
    }
    this.#stats.duplicates++;
    turn.answer(peer, { kind: "accepted", id });
  }

  /** The queues that take it; none after it was refused. */
  #route(turn: Turn, peer: Peer, input: InputOf<"publish">): Queue[] | undefined {
    const { exchange: name, routingKey, id } = input;
    const exchange = this.#topology.exchange(name);
    if (exchange === undefined) {
      refuseExchange(turn, peer, name, id);
      return undefined;
    }
    const queues: Queue[] = [];
    for (const queue of exchange.route(routingKey)) queues.push(this.#topology.queueOf({ queue }));
    if (queues.length > 0) return queues;
    const why = `no queue is bound to exchange '${name}' with routing key '${routingKey}'`;
    turn.refuse(peer, "unroutable", why, id);
    return undefined;
  }

  /** Why a message never will have room: its publisher must not wait for it. */
  #tooLarge(queues: readonly Queue[], size: number): string | undefined {
    const max = this.#maxCopiesBytes;
    if (queues.length > 1 && size * queues.length > max) {
      return `the message is too large for ${queues.length} queues (${max} bytes in all)`;
    }
    for (const { name, options } of queues) {
      if (size <= options.maxBytes) continue;
      return `the message is larger than all that queue '${name}' may hold (${options.maxBytes} bytes)`;
    }
    return undefined;
  }

  /** Why a message is not taken now: there is no room, or there was none for one before it. */
  #noRoom(
    { now: { monoMs } }: Turn,
    { heldBack }: Peer,
    { exchange, routingKey, id, body }: InputOf<"publish">,
    queues: readonly Queue[],
  ): string | undefined {
    // Mostly nothing is held back, and nothing is full: then the route need not be made.
    if (heldBack.size > 0) {
      const before = heldBack.reason(routeOf(exchange, routingKey), id, monoMs);
      if (before !== undefined) return before;
    }
    const full = this.#fullness(queues, body.length);
    if (full !== undefined) heldBack.hold(routeOf(exchange, routingKey), id, full, monoMs);
    return full;
  }

  /** Why nothing more can be taken: all queues take a message, or none does. */
  #fullness(queues: readonly Queue[], size: number): string | undefined {
    if (this.diskLow) return "the broker's disk is nearly full; try again later";
    for (const queue of queues) {
      const full = queue.fullness(size);
      if (full !== undefined) return `queue '${queue.name}' is full (${full}); try again later`;
    }
    return undefined;
  }

  #enqueue(
    turn: Turn,
    queue: Queue,
    input: InputOf<"publish">,
    publisher: string,
    checksum: number,
  ): void {
    const { id, receiver, body, exchange, routingKey, ttlMs = 0 } = input;
    const expiresMs = queue.isForDeadLetters
      ? 0
      : expiryOf(turn.now.wallMs, ttlMs, queue.options.ttlMs);
    const place = queue.next(receiver);
    const message = new Message(
      {
        queue: place.queue,
        receiver: place.receiver,
        seq: place.seq,
        id,
        publisher,
        size: body.length,
        checksum,
        exchange,
        routingKey,
        expiresMs,
      },
      turn.now.wallMs,
    );
    this.#delivery.enqueue(queue, message);
    turn.change({ kind: "enqueued", message, body });
  }
}

/** Names have no spaces. */
function routeOf(exchange: string, routingKey: string): string {
  return `${exchange} ${routingKey}`;
}
