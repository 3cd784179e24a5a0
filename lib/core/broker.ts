/**
 * The broker as a deterministic state machine: one input in, effects out. It never looks at a
 * clock, a random source, a socket or a file, and never into a message.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Now } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import { defaultQueueOptions } from "../base/queue_options.ts";
import type { Random } from "../base/random.ts";
import { Consumer } from "./consumer.ts";
import { DeadLetters } from "./dead_letters.ts";
import { Declarations, refuseQueue } from "./declarations.ts";
import { DedupWindow } from "./dedup_window.ts";
import { Delivery } from "./delivery.ts";
import type { Effect } from "./effect.ts";
import type { ConnectionId, Input, InputOf } from "./input.ts";
import { Message, type MessageHead } from "./message.ts";
import { Peer } from "./peer.ts";
import { Publishing } from "./publishing.ts";
import type { Snapshot, StoredMessage } from "./restore.ts";
import { Stats, type StatsReport } from "./stats.ts";
import { Topology } from "./topology.ts";
import { Turn } from "./turn.ts";
import { UnsentShare } from "./unsent_share.ts";

/** What a broker is made of. */
export interface BrokerOptions {
  /** The bounds it keeps. */
  readonly limits: Limits;
  /** For secrets of its tables; never for decisions. */
  readonly random: Random;
}

/** What a client asks for: an input of a connection that gets an answer. */
type Request = Exclude<
  Input,
  InputOf<"tick" | "connected" | "disconnected" | "drained">
>;

/** Exchanges, queues, keys, leases and what was seen lately. */
export class Broker {
  /** How much may wait to be sent to each connection now. */
  readonly unsentShare: UnsentShare;
  readonly #limits: Limits;
  readonly #stats = new Stats();
  readonly #topology: Topology;
  readonly #delivery: Delivery;
  readonly #declarations: Declarations;
  readonly #publishing: Publishing;
  readonly #deadLetters: DeadLetters;
  readonly #keys = new Map<string, Uint8Array>();
  readonly #peers = new Map<ConnectionId, Peer>();
  /** Ids by publisher, each with the checksum of its body. */
  readonly #published: DedupWindow;
  /** Ids by the receiver that acknowledged them. */
  readonly #acknowledged: DedupWindow;

  /** Makes a broker with the state of `snapshot`; its messages are given to {@linkcode Broker.restore}. */
  constructor(options: BrokerOptions, snapshot: Snapshot) {
    const { limits, random } = options;
    this.#limits = limits;
    this.unsentShare = new UnsentShare(limits);
    const horizonMs = limits.duplicateHorizonMs;
    this.#published = new DedupWindow({ horizonMs, maxIds: limits.maxRememberedIds, random });
    // A repeated ack follows the first one closely, so a quarter of the ids is plenty.
    const maxIds = Math.ceil(limits.maxRememberedIds / 4);
    this.#acknowledged = new DedupWindow({ horizonMs, maxIds, random });
    this.#topology = new Topology(defaultQueueOptions(limits));
    this.#delivery = new Delivery(this.#topology, this.#stats);
    this.#declarations = new Declarations(this.#topology, this.#delivery, limits);
    this.#publishing = new Publishing(
      this.#topology,
      this.#delivery,
      this.#published,
      this.#stats,
      limits,
    );
    this.#deadLetters = new DeadLetters(this.#topology, this.#delivery);
    this.#restoreTopology(snapshot);
  }

  /** Takes stored messages, queued and remembered ones: in the order they were accepted, before any step. */
  restore(messages: readonly StoredMessage[]): void {
    for (const stored of messages) this.#restoreMessage(stored);
  }

  /** Takes one input at `now` and adds what it wants done to `out`. */
  step(input: Input, now: Now, out: Effect[]): void {
    const turn = new Turn(now, out, this.#stats);
    if (input.kind === "tick") return this.#delivery.tick(turn);
    if (input.kind === "connected") return this.#connected(input);
    // An input may wait behind the end of its connection.
    const peer = this.#peers.get(input.connection);
    if (peer === undefined) return;
    if (input.kind === "disconnected") return this.#disconnected(turn, peer);
    if (input.kind === "drained") return this.#drained(turn, peer);
    this.#take(turn, peer, input);
  }

  /** The disk is nearly full, or no longer: `low` refuses what would fill it. */
  disk(low: boolean): void {
    this.#publishing.diskLow = low;
  }

  /**
   * Ids of messages accepted before this moment are forgotten, in milliseconds since the Unix epoch:
   * it is later than the duplicate horizon where there were too many of them.
   */
  get firstRememberedMs(): number {
    return this.#published.firstMs;
  }

  /** How many published ids were forgotten before the duplicate horizon, because there were too many. */
  get idsForgottenEarly(): number {
    return this.#published.forgottenEarly;
  }

  /** Counts `count` commands that were answered `ms` milliseconds after they came. */
  answered(count: number, ms: number): void {
    this.#stats.answered(count, ms);
  }

  /** Counts a connection that was refused before it became a peer. */
  connectionRefused(): void {
    this.#stats.refusedConnections++;
  }

  #take(turn: Turn, peer: Peer, input: Request): void {
    switch (input.kind) {
      case "publish":
        return this.#publishing.publish(turn, peer, input);
      case "ack":
        return this.#ack(turn, peer, input);
      case "nack":
        return this.#nack(turn, peer, input);
      case "touch":
        return this.#touch(turn, peer, input);
      case "consume":
        return this.#consume(turn, peer, input);
      case "fetch":
        return this.#fetch(turn, peer, input);
      case "register_key":
        return this.#registerKey(turn, peer, input);
      case "get_key":
        return this.#getKey(turn, peer, input);
      case "dead_letters":
        return this.#deadLetters.list(turn, peer, input);
      case "redrive":
        return this.#deadLetters.redrive(turn, peer, input);
      case "stats":
        return turn.answer(peer, { kind: "stats", report: this.#report() });
      case "reset_stats":
        this.#stats.reset();
        return turn.answer(peer, { kind: "stats_reset" });
      default:
        return this.#declarations.take(turn, peer, input);
    }
  }

  #connected({ connection, identity }: InputOf<"connected">): void {
    assert(!this.#peers.has(connection), "a connection number is used once");
    this.#peers.set(connection, new Peer(connection, identity, this.unsentShare));
    this.unsentShare.joined();
  }

  #disconnected(turn: Turn, peer: Peer): void {
    this.#peers.delete(peer.connection);
    this.unsentShare.left();
    for (const consumer of peer.consumers.values()) {
      consumer.closed = true;
      this.#topology.queueOf(consumer).removeConsumer(consumer);
    }
    this.#delivery.comeBackAll(turn, [...peer.leased]);
  }

  #drained(turn: Turn, peer: Peer): void {
    peer.drained();
    for (const consumer of [...peer.consumers.values()]) {
      this.#delivery.offer(turn, consumer);
      if (!peer.congested) continue;
      // It took what room was left: the next time the others come first.
      peer.consumers.delete(consumer.queue);
      peer.consumers.set(consumer.queue, consumer);
      return;
    }
  }

  #consume(turn: Turn, peer: Peer, { queue: name, prefetch }: InputOf<"consume">): void {
    const queue = this.#topology.queue(name);
    if (queue === undefined) return refuseQueue(turn, peer, name);
    const limits = this.#limits;
    if (!peer.consumers.has(name)) {
      if (peer.consumers.size >= limits.maxConsumersPerConnection) {
        const why = `this connection already consumes ${peer.consumers.size} queues, the limit`;
        return turn.refuse(peer, "limit", why);
      }
      if (queue.consumers >= limits.maxConsumersPerQueue) {
        const why = `queue '${name}' already has ${queue.consumers} consumers, the limit`;
        return turn.refuse(peer, "limit", why);
      }
      // A consumer says what it can take; what it gets is for the operator to say.
      const credit = Math.min(prefetch ?? limits.defaultPrefetch, limits.maxPrefetch);
      const consumer = new Consumer(peer, queue.name, credit, limits.maxPrefetchBytes);
      peer.consumers.set(queue.name, consumer);
      queue.addConsumer(consumer);
    }
    turn.answer(peer, { kind: "subscribed" });
    this.#delivery.push(turn, queue, peer.identity);
  }

  #fetch(turn: Turn, peer: Peer, { queue: name }: InputOf<"fetch">): void {
    const queue = this.#topology.queue(name);
    if (queue === undefined) return refuseQueue(turn, peer, name);
    const message = this.#delivery.oldest(turn, queue, peer.identity);
    if (message === undefined) return turn.answer(peer, { kind: "no_messages" });
    if (!this.#mayFetch(peer, message)) {
      const why = `this connection holds ${peer.leased.size} messages of ${peer.leasedBytes} bytes`;
      return turn.refuse(peer, "limit", `${why}, the limit; ack some first`);
    }
    queue.take(peer.identity);
    this.#delivery.hand(turn, message, peer, undefined);
    // What comes after it may fit where it did not.
    this.#delivery.push(turn, queue, peer.identity);
  }

  /** A consumer's limits hold for a connection that fetches: one message always fits. */
  #mayFetch({ leased, leasedBytes }: Peer, message: Message): boolean {
    const { maxPrefetch, maxPrefetchBytes } = this.#limits;
    return leased.size === 0 ||
      (leased.size < maxPrefetch && leasedBytes + message.size <= maxPrefetchBytes);
  }

  #ack(turn: Turn, peer: Peer, { id }: InputOf<"ack">): void {
    const held = this.#delivery.held(peer, id);
    // A repeated ack must not be taken for a late one: the same id may wait in another queue.
    if (held === undefined && this.#acknowledged.recall(peer.identity, id) !== undefined) {
      return turn.answer(peer, { kind: "ack_confirmed", id });
    }
    const message = held ?? this.#delivery.given(peer, id);
    if (message === undefined) {
      const why = `no delivery of message '${id}' waits for an ack of '${peer.identity}'`;
      return turn.refuse(peer, "not_found", why);
    }
    const { monoMs, wallMs } = turn.now;
    const lease = this.#delivery.remove(turn, message);
    this.#acknowledged.remember(peer.identity, id, 0, wallMs);
    const heldMs = lease === undefined ? undefined : monoMs - lease.deliveredMs;
    this.#stats.acked(wallMs - message.acceptedMs, heldMs);
    turn.answer(peer, { kind: "ack_confirmed", id });
    if (lease?.consumer !== undefined) return this.#delivery.offer(turn, lease.consumer);
    // It may have waited, too large for any consumer's room, before smaller ones.
    this.#delivery.push(turn, this.#topology.queueOf(message), peer.identity);
  }

  #nack(turn: Turn, peer: Peer, { id, dead, reason = "" }: InputOf<"nack">): void {
    const message = this.#delivery.held(peer, id);
    if (message === undefined) return refuseHeld(turn, peer, id);
    turn.answer(peer, { kind: "nack_confirmed", id });
    const mayDie = !this.#topology.queueOf(message).isForDeadLetters;
    if (dead && mayDie) this.#delivery.reject(turn, message, reason);
    else this.#delivery.comeBackAll(turn, [message]);
  }

  #touch(turn: Turn, peer: Peer, { id }: InputOf<"touch">): void {
    if (!this.#delivery.prolong(turn, peer, id)) return refuseHeld(turn, peer, id);
    turn.answer(peer, { kind: "touched", id });
  }

  #registerKey(turn: Turn, peer: Peer, { client, key }: InputOf<"register_key">): void {
    const known = this.#keys.get(client);
    if (known === undefined && this.#keys.size >= this.#limits.maxKeys) {
      return turn.refuse(peer, "limit", `there are ${this.#keys.size} registered keys, the limit`);
    }
    if (known === undefined || !equalBytes(known, key)) {
      this.#keys.set(client, key);
      turn.change({ kind: "key_registered", client, key });
    }
    turn.answer(peer, { kind: "key_registered" });
  }

  #getKey(turn: Turn, peer: Peer, { client }: InputOf<"get_key">): void {
    const key = this.#keys.get(client);
    turn.answer(peer, key === undefined ? { kind: "no_key" } : { kind: "public_key", key });
  }

  #report(): StatsReport {
    const { queues } = this.#topology;
    return {
      queues: queues.map((queue) => [queue.name, queue.messages]),
      consumers: queues.filter((queue) => queue.consumers > 0)
        .map((queue) => [queue.name, queue.consumers]),
      total_exchanges: this.#topology.exchangeCount,
      total_bindings: this.#topology.bindings,
      connected_clients: this.#peers.size,
      remembered_ids: this.#published.size,
      ids_forgotten_early: this.#published.forgottenEarly,
      ...this.#stats.report(),
    };
  }

  #restoreTopology(snapshot: Snapshot): void {
    for (const { exchange, exchangeKind } of snapshot.exchanges) {
      this.#topology.addExchange(exchange, exchangeKind);
    }
    for (const { queue, options } of snapshot.queues) this.#topology.addQueue(queue, options);
    for (const { queue, exchange: name, routingKey } of snapshot.bindings) {
      const exchange = this.#topology.exchange(name);
      assert(exchange !== undefined, "a stored binding has an exchange");
      this.#topology.bind(exchange, this.#topology.queueOf({ queue }).name, routingKey);
    }
    for (const { client, key } of snapshot.keys) this.#keys.set(client, key);
    for (const { queue, receiver, nextSeq } of snapshot.lanes) {
      this.#topology.continueLane(queue, receiver, nextSeq);
    }
  }

  #restoreMessage({ message: head, acceptedMs, deliveries, gone }: StoredMessage): void {
    this.#restoreId(head, acceptedMs);
    if (gone === "removed") this.#acknowledged.remember(head.receiver, head.id, 0, acceptedMs);
    if (gone !== undefined) return;
    const message = new Message(head, acceptedMs, deliveries);
    this.#delivery.enqueue(this.#topology.queueOf(message), message);
  }

  /** A dead letter was published before it died: its id may be another message's since then. */
  #restoreId({ publisher, id, checksum, dead }: MessageHead, acceptedMs: number): void {
    if (dead !== undefined && this.#published.recall(publisher, id) !== undefined) return;
    this.#published.remember(publisher, id, checksum, acceptedMs);
  }
}

function refuseHeld(turn: Turn, peer: Peer, id: string): void {
  turn.refuse(peer, "not_found", `this connection holds no message '${id}'`);
}
