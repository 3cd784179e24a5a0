/**
 * The broker as a deterministic state machine: one input in, effects out. It never looks at a
 * clock, a random source, a socket or a file, and never into a message.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Now } from "../base/clock.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { checksumOf } from "./checksum.ts";
import { Consumer } from "./consumer.ts";
import { DedupWindow } from "./dedup_window.ts";
import type { Answer, Change, Effect } from "./effect.ts";
import { Exchange } from "./exchange.ts";
import { InFlight } from "./in_flight.ts";
import type { ConnectionId, Input } from "./input.ts";
import { Message } from "./message.ts";
import { Peer } from "./peer.ts";
import { Queue } from "./queue.ts";
import type { Snapshot, StoredMessage } from "./restore.ts";
import { Stats, type StatsReport } from "./stats.ts";

/** What a broker is made of. */
export interface BrokerOptions {
  /** The bounds it keeps. */
  readonly limits: Limits;
  /** For secrets of its tables; never for decisions. */
  readonly random: Random;
}

/** The input of one kind. */
type InputOf<Kind extends Input["kind"]> = Extract<Input, { kind: Kind }>;

/** Exchanges, queues, keys, leases and what was seen lately. */
export class Broker {
  readonly #limits: Limits;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #keys = new Map<string, Uint8Array>();
  readonly #peers = new Map<ConnectionId, Peer>();
  readonly #inFlight = new InFlight();
  /** Ids by publisher, each with the checksum of its body. */
  readonly #published: DedupWindow;
  /** Ids by the receiver that acknowledged them. */
  readonly #acknowledged: DedupWindow;
  #stats = new Stats();
  /** Where the effects of the present step go. */
  #out: Effect[] = [];
  #now: Now = { wallMs: 0, monoMs: 0 };

  /** Makes a broker with the state of `snapshot`. */
  constructor(options: BrokerOptions, snapshot: Snapshot) {
    const { limits, random } = options;
    this.#limits = limits;
    const horizonMs = limits.duplicateHorizonMs;
    this.#published = new DedupWindow({ horizonMs, maxIds: limits.maxRememberedIds, random });
    // A repeated ack follows the first one closely, so a quarter of the ids is plenty.
    const maxIds = Math.ceil(limits.maxRememberedIds / 4);
    this.#acknowledged = new DedupWindow({ horizonMs, maxIds, random });
    this.#restore(snapshot);
  }

  /** Takes one input at `now` and adds what it wants done to `out`. */
  step(input: Input, now: Now, out: Effect[]): void {
    this.#out = out;
    this.#now = now;
    if (input.kind === "connected") return this.#connected(input);
    // An input may wait behind the end of its connection.
    const peer = this.#peers.get(input.connection);
    if (peer !== undefined) this.#take(input, peer);
  }

  /**
   * Ids of messages accepted before this moment are forgotten, in milliseconds since the Unix epoch:
   * it is later than the duplicate horizon where there were too many of them.
   */
  get firstRememberedMs(): number {
    return this.#published.firstMs;
  }

  /** Counts `count` commands that were answered `ms` milliseconds after they came. */
  answered(count: number, ms: number): void {
    this.#stats.answered(count, ms);
  }

  #take(input: Exclude<Input, { kind: "connected" }>, peer: Peer): void {
    switch (input.kind) {
      case "disconnected":
        return this.#disconnected(peer);
      case "drained":
        return this.#drained(peer);
      case "declare_exchange":
        return this.#declareExchange(input, peer);
      case "declare_queue":
        return this.#declareQueue(input, peer);
      case "bind":
        return this.#bind(input, peer);
      case "publish":
        return this.#publish(input, peer);
      case "consume":
        return this.#consume(input, peer);
      case "fetch":
        return this.#fetch(input, peer);
      case "ack":
        return this.#ack(input, peer);
      case "register_key":
        return this.#registerKey(input, peer);
      case "get_key":
        return this.#getKey(input, peer);
      case "stats":
        return this.#answer(peer, { kind: "stats", report: this.#report() });
      case "reset_stats":
        this.#stats = new Stats();
        return this.#answer(peer, { kind: "stats_reset" });
    }
  }

  #connected({ connection, identity }: InputOf<"connected">): void {
    assert(!this.#peers.has(connection), "a connection number is used once");
    this.#peers.set(connection, new Peer(connection, identity, this.#limits.maxUnsentBytes));
  }

  #disconnected(peer: Peer): void {
    this.#peers.delete(peer.connection);
    for (const consumer of peer.consumers.values()) {
      this.#queues.get(consumer.queue)?.removeConsumer(consumer);
    }
    const queues = new Set<Queue>();
    for (const message of [...peer.leased]) {
      this.#inFlight.release(message);
      const queue = this.#queueOf(message);
      queue.giveBack(message);
      queues.add(queue);
      this.#change({ kind: "returned", message, deliveries: message.deliveries });
    }
    // Only this identity's messages came back.
    for (const queue of queues) this.#push(queue, peer.identity);
  }

  #drained(peer: Peer): void {
    peer.drained();
    for (const consumer of [...peer.consumers.values()]) {
      this.#offer(consumer);
      if (!peer.congested) continue;
      // It took what room was left: the next time the others come first.
      peer.consumers.delete(consumer.queue);
      peer.consumers.set(consumer.queue, consumer);
      return;
    }
  }

  #declareExchange({ exchange, exchangeKind }: InputOf<"declare_exchange">, peer: Peer): void {
    const declared = this.#exchanges.get(exchange);
    if (declared === undefined) {
      const added = new Exchange(exchange, exchangeKind);
      this.#exchanges.set(added.name, added);
      this.#change({ kind: "exchange_declared", exchange, exchangeKind });
    } else if (declared.kind !== exchangeKind) {
      return this.#refuse(
        peer,
        "conflict",
        `exchange '${exchange}' is already declared as ${declared.kind}`,
      );
    }
    this.#answer(peer, { kind: "exchange_declared" });
  }

  #declareQueue({ queue }: InputOf<"declare_queue">, peer: Peer): void {
    if (!this.#queues.has(queue)) {
      const added = new Queue(queue);
      this.#queues.set(added.name, added);
      this.#change({ kind: "queue_declared", queue });
    }
    this.#answer(peer, { kind: "queue_declared" });
  }

  #bind({ queue: name, exchange, routingKey }: InputOf<"bind">, peer: Peer): void {
    const target = this.#exchanges.get(exchange);
    const queue = this.#queues.get(name)?.name;
    if (target === undefined) {
      return this.#refuse(peer, "not_found", `no exchange '${exchange}'; declare it first`);
    }
    if (queue === undefined) return this.#refuseQueue(peer, name);
    if (target.bind(queue, routingKey)) {
      this.#change({ kind: "bound", queue, exchange, routingKey });
    }
    this.#answer(peer, { kind: "queue_bound" });
  }

  #publish(input: InputOf<"publish">, peer: Peer): void {
    const { id, exchange, routingKey } = input;
    const checksum = checksumOf(input.body);
    // Before routing: what was accepted once is accepted again, whatever happened to the bindings.
    const known = this.#published.recall(peer.identity, id);
    if (known !== undefined) return this.#publishAgain(peer, id, known === checksum);
    const target = this.#exchanges.get(exchange);
    if (target === undefined) {
      return this.#refuse(peer, "not_found", `no exchange '${exchange}'; declare it first`, id);
    }
    const queues = target.route(routingKey);
    if (queues.size === 0) {
      const why = `no queue is bound to exchange '${exchange}' with routing key '${routingKey}'`;
      return this.#refuse(peer, "unroutable", why, id);
    }
    this.#published.remember(peer.identity, id, checksum, this.#now.wallMs);
    this.#stats.sent++;
    for (const name of queues) this.#enqueue(name, input, peer.identity, checksum);
    this.#answer(peer, { kind: "accepted", id });
    for (const name of queues) this.#push(this.#queues.get(name)!, input.receiver);
  }

  #publishAgain(peer: Peer, id: string, same: boolean): void {
    if (!same) {
      const why = "this message id was already used for another message";
      return this.#refuse(peer, "conflict", why, id);
    }
    this.#stats.duplicates++;
    this.#answer(peer, { kind: "accepted", id });
  }

  #enqueue(name: string, input: InputOf<"publish">, publisher: string, checksum: number): void {
    const queue = this.#queues.get(name);
    assert(queue !== undefined, "a binding leads to a queue");
    const { id, receiver, body } = input;
    const facts = { id: id, publisher, size: body.length, checksum };
    const message = new Message({ ...queue.next(receiver), ...facts }, this.#now.wallMs);
    queue.append(message);
    this.#change({ kind: "enqueued", message, body });
  }

  #consume({ queue, prefetch }: InputOf<"consume">, peer: Peer): void {
    const target = this.#queues.get(queue);
    if (target === undefined) return this.#refuseQueue(peer, queue);
    const limits = this.#limits;
    if (prefetch !== undefined && prefetch > limits.maxPrefetch) {
      const why = `prefetch ${prefetch} is above the limit of ${limits.maxPrefetch}`;
      return this.#refuse(peer, "limit", why);
    }
    if (!peer.consumers.has(queue)) {
      if (peer.consumers.size >= limits.maxConsumersPerConnection) {
        const why = `this connection already consumes ${peer.consumers.size} queues, the limit`;
        return this.#refuse(peer, "limit", why);
      }
      const wanted = prefetch ?? limits.defaultPrefetch;
      const consumer = new Consumer(peer, target.name, wanted, limits.maxPrefetchBytes);
      peer.consumers.set(target.name, consumer);
      target.addConsumer(consumer);
    }
    this.#answer(peer, { kind: "subscribed" });
    this.#push(target, peer.identity);
  }

  #fetch({ queue }: InputOf<"fetch">, peer: Peer): void {
    const target = this.#queues.get(queue);
    if (target === undefined) return this.#refuseQueue(peer, queue);
    const message = target.peek(peer.identity);
    if (message === undefined) return this.#answer(peer, { kind: "no_messages" });
    if (!this.#mayFetch(peer, message)) {
      const why = `this connection holds ${peer.leased.size} messages of ${peer.leasedBytes} bytes`;
      return this.#refuse(peer, "limit", `${why}, the limit; ack some first`);
    }
    target.take(peer.identity);
    this.#deliver(message, peer, undefined);
    // What comes after it may fit where it did not.
    this.#push(target, peer.identity);
  }

  /** A consumer's limits hold for a connection that fetches: one message always fits. */
  #mayFetch({ leased, leasedBytes }: Peer, message: Message): boolean {
    const { maxPrefetch, maxPrefetchBytes } = this.#limits;
    return leased.size === 0 ||
      (leased.size < maxPrefetch && leasedBytes + message.size <= maxPrefetchBytes);
  }

  #ack({ id }: InputOf<"ack">, peer: Peer): void {
    const held = this.#inFlight.held(peer, id);
    // A repeated ack must not be taken for a late one: the same id may wait in another queue.
    if (held === undefined && this.#acknowledged.recall(peer.identity, id) !== undefined) {
      return this.#answer(peer, { kind: "ack_confirmed", id });
    }
    const message = held ?? this.#inFlight.given(peer, id);
    if (message === undefined) {
      const why = `no delivery of message '${id}' waits for an ack of '${peer.identity}'`;
      return this.#refuse(peer, "not_found", why);
    }
    const lease = this.#inFlight.release(message);
    this.#inFlight.forget(message);
    message.removed = true;
    const queue = this.#queueOf(message);
    queue.removed();
    this.#acknowledged.remember(peer.identity, id, 0, this.#now.wallMs);
    const heldMs = lease === undefined ? undefined : this.#now.monoMs - lease.sinceMs;
    this.#stats.acked(this.#now.wallMs - message.acceptedMs, heldMs);
    this.#change({ kind: "removed", message });
    this.#answer(peer, { kind: "ack_confirmed", id });
    if (lease?.consumer !== undefined) return this.#offer(lease.consumer);
    // It may have waited, too large for any consumer's room, before smaller ones.
    this.#push(queue, peer.identity);
  }

  #registerKey({ client, key }: InputOf<"register_key">, peer: Peer): void {
    const known = this.#keys.get(client);
    if (known === undefined || !equalBytes(known, key)) {
      this.#keys.set(client, key);
      this.#change({ kind: "key_registered", client, key });
    }
    this.#answer(peer, { kind: "key_registered" });
  }

  #getKey({ client }: InputOf<"get_key">, peer: Peer): void {
    const key = this.#keys.get(client);
    this.#answer(peer, key === undefined ? { kind: "no_key" } : { kind: "public_key", key });
  }

  /** Gives a consumer its turns back and what waits for it. */
  #offer(consumer: Consumer): void {
    const queue = this.#queues.get(consumer.queue);
    assert(queue !== undefined, "a consumer has a queue");
    if (consumer.peer.consumers.get(consumer.queue) !== consumer) return;
    if (!this.#peers.has(consumer.peer.connection)) return;
    queue.offer(consumer);
    this.#push(queue, consumer.peer.identity);
  }

  /** Hands out what waits for `receiver` until messages or credit run out. */
  #push(queue: Queue, receiver: string): void {
    for (;;) {
      const next = queue.assign(receiver);
      if (next === undefined) return;
      this.#deliver(next.message, next.consumer.peer, next.consumer);
      queue.offer(next.consumer);
    }
  }

  #deliver(message: Message, peer: Peer, consumer: Consumer | undefined): void {
    // Checked at every delivery, repeated ones included: a message goes only to whom it is for.
    assert(message.receiver === peer.identity, "a message goes to whom it is addressed");
    assert(!message.removed && message.lease === undefined, "a message has one live lease");
    this.#inFlight.lease(message, peer, consumer, this.#now.monoMs);
    this.#stats.delivered++;
    const fetched = consumer === undefined;
    this.#out.push({ kind: "deliver", connection: peer.connection, message, fetched });
  }

  #queueOf(message: Message): Queue {
    const queue = this.#queues.get(message.queue);
    assert(queue !== undefined, "a message has a queue");
    return queue;
  }

  #change(change: Change): void {
    this.#out.push({ kind: "change", change });
  }

  #answer(peer: Peer, answer: Answer): void {
    this.#out.push({ kind: "answer", connection: peer.connection, answer });
  }

  #refuse(peer: Peer, code: ErrorCode, text: string, id?: string): void {
    const refusal = { kind: "refused", code, text } as const;
    this.#answer(peer, id === undefined ? refusal : { ...refusal, id });
  }

  #refuseQueue(peer: Peer, queue: string): void {
    this.#refuse(peer, "not_found", `no queue '${queue}'; declare it first`);
  }

  #report(): StatsReport {
    const queues = [...this.#queues.values()];
    const exchanges = [...this.#exchanges.values()];
    return {
      queues: queues.map((queue) => [queue.name, queue.messages]),
      consumers: queues.filter((queue) => queue.consumers > 0)
        .map((queue) => [queue.name, queue.consumers]),
      total_exchanges: exchanges.length,
      total_bindings: exchanges.reduce((sum, exchange) => sum + exchange.bindings, 0),
      connected_clients: this.#peers.size,
      remembered_ids: this.#published.size,
      ...this.#stats.report(),
    };
  }

  #restore(snapshot: Snapshot): void {
    for (const { exchange, exchangeKind } of snapshot.exchanges) {
      this.#exchanges.set(exchange, new Exchange(exchange, exchangeKind));
    }
    for (const queue of snapshot.queues) this.#queues.set(queue, new Queue(queue));
    for (const { queue, exchange, routingKey } of snapshot.bindings) {
      assert(this.#queues.has(queue), "a stored binding leads to a queue");
      this.#exchanges.get(exchange)?.bind(queue, routingKey);
    }
    for (const { client, key } of snapshot.keys) this.#keys.set(client, key);
    for (const stored of snapshot.messages) this.#restoreMessage(stored);
    for (const { queue, receiver, nextSeq } of snapshot.lanes) {
      this.#queues.get(queue)?.lane(receiver).continueAt(nextSeq);
    }
  }

  #restoreMessage({ message: head, acceptedMs, deliveries, removed }: StoredMessage): void {
    this.#published.remember(head.publisher, head.id, head.checksum, acceptedMs);
    if (removed) {
      this.#acknowledged.remember(head.receiver, head.id, 0, acceptedMs);
      return;
    }
    const message = new Message(head, acceptedMs, deliveries);
    this.#queueOf(message).append(message);
  }
}
