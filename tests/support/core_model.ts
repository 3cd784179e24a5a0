/**
 * What the broker's core must do, written as plainly as possible. For each input it says which answer
 * there must be and what must become of which messages; then it follows the effects one by one, and
 * each must be allowed. In the end nothing that had to happen is missing, and nothing is held back.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Now } from "../../lib/base/clock.ts";
import type { Limits } from "../../lib/base/limits.ts";
import type { Answer, Change, Effect } from "../../lib/core/effect.ts";
import type { Input, InputOf } from "../../lib/core/input.ts";
import type { MessageHead, MessageRef } from "../../lib/core/message.ts";
import {
  CoreModelState,
  isDeadLetterQueue,
  type ModelConnection,
  type ModelMessage,
} from "./core_model_state.ts";

/** An answer; what a refusal says is not looked at. */
type Expected = Answer | { readonly kind: "refused"; readonly code: string; readonly id?: string };

/** What must happen in a step. */
interface Duties {
  answer?: Expected | undefined;
  fetched?: ModelMessage;
  /** Leases that end unacknowledged. */
  readonly back: Set<ModelMessage>;
  /** Messages one of which is acknowledged. */
  acked: readonly ModelMessage[];
  readonly purged: Set<ModelMessage>;
  rejected?: { readonly message: ModelMessage; readonly text: string };
  /** Dead letters that go back as far as there is room. */
  redriven?: { readonly queue: string; readonly wanted: ModelMessage[]; count: number };
  /** Queues that take what is published. */
  readonly queues: Set<string>;
  /** Other changes, in order. */
  readonly changes: Change[];
}

type Deliver = Extract<Effect, { kind: "deliver" }>;
type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;
/** Reads a body as it was committed. */
type BodyOf = (ref: MessageRef) => Uint8Array;

const decoder = new TextDecoder();

function refused(code: string, id?: string): Expected {
  return id === undefined ? { kind: "refused", code } : { kind: "refused", code, id };
}

/** A broker that is obviously right, and too slow to be used. */
export class CoreModel {
  readonly #state: CoreModelState;
  #leases = 0;

  constructor(limits: Limits) {
    this.#state = new CoreModelState(limits);
  }

  /** Messages that are not acknowledged. */
  get size(): number {
    return this.#state.messages.length;
  }

  /** The names of all queues. */
  get queues(): string[] {
    return [...this.#state.queues.keys()];
  }

  /** The ids a connection holds. */
  heldBy(connection: number): string[] {
    return this.#state.held(connection).map(({ facts }) => facts.id);
  }

  /** The broker died and came back. */
  restart(): void {
    this.#state.restart();
  }

  /** The disk is nearly full, or no longer. */
  diskLow(low: boolean): void {
    this.#state.diskLow = low;
  }

  /** Takes an input and holds what the broker did to what it had to do. */
  check(input: Input, now: Now, effects: readonly Effect[], bodyOf: BodyOf): void {
    this.#state.now = now;
    const duties: Duties = {
      ...{ back: new Set(), acked: [], purged: new Set(), queues: new Set(), changes: [] },
    };
    const peer = "connection" in input
      ? this.#state.connections.find(({ connection }) => connection === input.connection)
      : undefined;
    if (peer !== undefined) this.#expect(input, peer, duties);
    else this.#expectOfNobody(input, duties);
    const answers: Answer[] = [];
    for (const effect of effects) {
      if (effect.kind === "change") this.#change(effect.change, input, duties);
      else if (effect.kind === "deliver") this.#deliver(effect, input, bodyOf, duties);
      else {
        assert.equal(effect.connection, peer?.connection);
        answers.push(effect.answer);
      }
    }
    if (duties.redriven !== undefined) this.#assertRedriven(duties);
    const expected = duties.answer === undefined ? [] : [duties.answer];
    assert.deepEqual(answers.map(comparable), expected);
    this.#assertDone(duties);
    if (input.kind === "tick") this.#assertNothingOver();
    this.#assertNothingHeldBack();
  }

  #expectOfNobody(input: Input, duties: Duties): void {
    const state = this.#state;
    if (input.kind === "connected") {
      const { connection, identity } = input;
      const nothing = { subscriptions: [], unsentBytes: 0, heldBack: new Map() };
      state.connections.push({ connection, identity, ...nothing });
    } else if (input.kind === "tick") {
      for (const message of state.messages) {
        const { ackTimeoutMs } = state.options(message.queue);
        const heldMs = state.now.monoMs - message.heldSinceMs;
        if (message.holder !== undefined && heldMs >= ackTimeoutMs) duties.back.add(message);
      }
    }
  }

  #expect(input: Input, peer: ModelConnection, duties: Duties): void {
    switch (input.kind) {
      case "tick":
      case "connected":
        throw new Error("no connection's input");
      case "disconnected":
        this.#state.connections = this.#state.connections.filter((one) => one !== peer);
        for (const message of this.#state.held(peer.connection)) duties.back.add(message);
        return;
      case "drained":
        peer.unsentBytes = 0;
        return;
      case "nack":
        return this.#nack(input, peer, duties);
      case "redrive":
        return this.#redrive(input, peer, duties);
      default:
        duties.answer = this.#answer(input, peer, duties);
    }
  }

  #answer(
    input: Exclude<
      Input,
      InputOf<"tick" | "connected" | "disconnected" | "drained" | "nack" | "redrive">
    >,
    peer: ModelConnection,
    duties: Duties,
  ): Expected | undefined {
    switch (input.kind) {
      case "declare_exchange":
        return this.#declareExchange(input, duties);
      case "delete_exchange":
        return this.#deleteExchange(input, duties);
      case "declare_queue":
        return this.#declareQueue(input, duties);
      case "delete_queue":
        return this.#deleteQueue(input, duties);
      case "purge":
        return this.#purge(input, duties);
      case "bind":
      case "unbind":
        return this.#bindOrNot(input, duties);
      case "publish":
        return this.#publish(input, peer, duties);
      case "consume":
        return this.#consume(input, peer);
      case "fetch":
        return this.#fetch(input, peer, duties);
      case "ack":
        return this.#ack(input, peer, duties);
      case "touch":
        return this.#touch(input, peer);
      case "dead_letters":
        return this.#list(input, peer);
      default:
        throw new Error(`the model does not know '${input.kind}'`);
    }
  }

  #declareExchange({ exchange, exchangeKind }: InputOf<"declare_exchange">, duties: Duties) {
    if (!this.#state.exchanges.includes(exchange)) {
      if (this.#state.exchanges.length >= this.#state.limits.maxExchanges) return refused("limit");
      duties.changes.push({ kind: "exchange_declared", exchange, exchangeKind });
    }
    return { kind: "exchange_declared" } as const;
  }

  #deleteExchange({ exchange, force }: InputOf<"delete_exchange">, duties: Duties) {
    const { exchanges, bindings } = this.#state;
    if (!exchanges.includes(exchange)) return refused("not_found");
    if (!force && bindings.some((one) => one.exchange === exchange)) return refused("conflict");
    duties.changes.push({ kind: "exchange_deleted", exchange });
    return { kind: "exchange_deleted" } as const;
  }

  #declareQueue({ queue, options }: InputOf<"declare_queue">, duties: Duties) {
    const told = this.#state.queues.get(queue);
    const { maxQueueMessages, maxQueueBytes } = this.#state.limits;
    const { maxMessages = 1, maxBytes = 1 } = options;
    if (maxMessages > maxQueueMessages || maxBytes > maxQueueBytes) return refused("limit");
    if (told === undefined && this.#state.queues.size >= this.#state.limits.maxQueues) {
      return refused("limit");
    }
    const all = { ...told, ...options };
    if (told === undefined || JSON.stringify(all) !== JSON.stringify(told)) {
      duties.changes.push({ kind: "queue_declared", queue, options: all });
    }
    return { kind: "queue_declared" } as const;
  }

  #deleteQueue({ queue, force }: InputOf<"delete_queue" | "purge">, duties: Duties) {
    if (!this.#state.queues.has(queue)) return refused("not_found");
    const messages = this.#state.messages.filter((one) => one.queue === queue);
    if (!force && messages.length + this.#state.consumers(queue) > 0) return refused("conflict");
    duties.changes.push({ kind: "queue_deleted", queue });
    return { kind: "queue_deleted" } as const;
  }

  #purge({ queue, force }: InputOf<"delete_queue" | "purge">, duties: Duties) {
    if (!this.#state.queues.has(queue)) return refused("not_found");
    const needsForce = this.#state.consumers(queue) > 0 || isDeadLetterQueue(queue);
    if (needsForce && !force) return refused("conflict");
    for (const message of this.#state.waiting(queue)) duties.purged.add(message);
    return { kind: "queue_purged", count: duties.purged.size } as const;
  }

  #bindOrNot({ kind, queue, exchange, routingKey }: InputOf<"bind" | "unbind">, duties: Duties) {
    const { exchanges, queues, bindings, limits } = this.#state;
    if (!exchanges.includes(exchange) || !queues.has(queue)) return refused("not_found");
    const isBound = bindings.some((one) =>
      one.exchange === exchange && one.queue === queue && one.key === routingKey
    );
    if (kind === "bind" && !isBound) {
      if (bindings.length >= limits.maxBindings) return refused("limit");
      duties.changes.push({ kind: "bound", queue, exchange, routingKey });
    }
    if (kind === "unbind" && isBound) {
      duties.changes.push({ kind: "unbound", queue, exchange, routingKey });
    }
    return { kind: kind === "bind" ? "queue_bound" : "queue_unbound" } as const;
  }

  #publish(input: InputOf<"publish">, peer: ModelConnection, duties: Duties) {
    const { identity } = peer;
    const { published, exchanges, bindings, now } = this.#state;
    const { id, exchange } = input;
    const body = decoder.decode(input.body);
    const before = published.find((one) => one.publisher === identity && one.id === id);
    const accepted = { kind: "accepted", id } as const;
    if (before !== undefined) return before.body === body ? accepted : refused("conflict", id);
    if (!exchanges.includes(exchange)) return refused("not_found", id);
    const queues = bindings.filter((one) =>
      one.exchange === exchange && one.key === input.routingKey
    ).map(({ queue }) => queue);
    if (queues.length === 0) return refused("unroutable", id);
    if (queues.some((queue) => body.length > this.#state.options(queue).maxBytes)) {
      return refused("limit", id);
    }
    const route = `${exchange} ${input.routingKey}`;
    if (this.#state.isHeldBack(peer, route, id)) return refused("limit", id);
    const isFull = queues.some((queue) => this.#state.isFull(queue, body));
    if (this.#state.diskLow || isFull) {
      const { monoMs } = now;
      peer.heldBack.set(route, { id, sinceMs: monoMs, lastId: id, lastMs: monoMs });
      return refused("limit", id);
    }
    for (const queue of queues) duties.queues.add(queue);
    published.push({ publisher: identity, id, body });
    return accepted;
  }

  #consume({ queue, prefetch }: InputOf<"consume">, { subscriptions }: ModelConnection) {
    if (!this.#state.queues.has(queue)) return refused("not_found");
    const { defaultPrefetch, maxPrefetch, maxConsumersPerConnection, maxConsumersPerQueue } =
      this.#state.limits;
    const most = Math.min(prefetch ?? defaultPrefetch, maxPrefetch);
    if (!subscriptions.some((one) => one.queue === queue)) {
      if (subscriptions.length === maxConsumersPerConnection) return refused("limit");
      if (this.#state.consumers(queue) === maxConsumersPerQueue) return refused("limit");
      subscriptions.push({ queue, prefetch: most });
    }
    return { kind: "subscribed" } as const;
  }

  #fetch({ queue }: InputOf<"fetch">, peer: ModelConnection, duties: Duties) {
    if (!this.#state.queues.has(queue)) return refused("not_found");
    const oldest = this.#oldest(queue, peer.identity);
    if (oldest === undefined) return { kind: "no_messages" } as const;
    const held = this.#state.held(peer.connection);
    if (!this.#state.fits(oldest, held, this.#state.limits.maxPrefetch)) return refused("limit");
    duties.fetched = oldest;
    return undefined;
  }

  #ack({ id }: InputOf<"ack" | "touch">, peer: ModelConnection, duties: Duties) {
    const { identity } = peer;
    const own = this.#state.messages.filter((one) =>
      one.facts.id === id && one.receiver === identity && one.given
    );
    const { acknowledged } = this.#state;
    const again = acknowledged.some((one) => one.identity === identity && one.id === id);
    const held = this.#heldAs(peer, id);
    if (held === undefined && again) return { kind: "ack_confirmed", id } as const;
    if (own.length === 0) return refused("not_found");
    duties.acked = held === undefined ? own : [held];
    acknowledged.push({ identity, id });
    return { kind: "ack_confirmed", id } as const;
  }

  #touch({ id }: InputOf<"ack" | "touch">, peer: ModelConnection) {
    const held = this.#state.held(peer.connection).filter(({ facts }) => facts.id === id);
    if (held.length === 0) return refused("not_found");
    for (const message of held) message.heldSinceMs = this.#state.now.monoMs;
    return { kind: "touched", id } as const;
  }

  #nack({ id, dead, reason = "" }: InputOf<"nack">, peer: ModelConnection, duties: Duties): void {
    const message = this.#heldAs(peer, id);
    duties.answer = message === undefined ? refused("not_found") : { kind: "nack_confirmed", id };
    if (message === undefined) return;
    if (dead && !isDeadLetterQueue(message.queue)) duties.rejected = { message, text: reason };
    else duties.back.add(message);
  }

  #list({ queue, after = -1 }: InputOf<"dead_letters">, { identity }: ModelConnection): Expected {
    const { queues } = this.#state;
    if (!queues.has(queue) && !queues.has(`${queue}.dead`)) return refused("not_found");
    const letters = this.#state.waiting(`${queue}.dead`, identity).flatMap((message) => {
      const { seq, facts, dead } = message;
      if (dead === undefined || seq <= after) return [];
      const { id, publisher, body, exchange, routingKey } = facts;
      return [{ seq, id, publisher, size: body.length, exchange, routingKey, ...dead }];
    });
    return { kind: "dead_letters", letters: letters.slice(0, 100) };
  }

  #redrive({ queue, id }: InputOf<"redrive">, peer: ModelConnection, duties: Duties): void {
    if (!this.#state.queues.has(queue)) return void (duties.answer = refused("not_found"));
    const wanted = this.#state.waiting(`${queue}.dead`, peer.identity)
      .filter(({ dead, facts }) => dead !== undefined && (id === undefined || facts.id === id));
    duties.redriven = { queue, wanted, count: 0 };
  }

  #assertRedriven(duties: Duties): void {
    const { queue, wanted, count } = duties.redriven!;
    duties.answer = { kind: "redriven", count };
    const left = wanted.find(({ holder }) => holder === undefined);
    if (left === undefined) return;
    assert(this.#state.isFull(queue, left.facts.body), "redrive stops where there is no room");
  }

  /** Follows one change, which must be a duty or the end of what has waited too long. */
  #change(change: Change, input: Input, duties: Duties): void {
    switch (change.kind) {
      case "enqueued":
        return this.#enqueued(change, input, duties);
      case "moved":
        return this.#moved(change, duties);
      case "removed":
        return this.#removed(change, duties);
      case "returned":
        return this.#returned(change, duties);
      default:
        return this.#declared(change, duties);
    }
  }

  #declared(change: Change, duties: Duties): void {
    const state = this.#state;
    const isAsked = change.kind !== "queue_declared" || !isDeadLetterQueue(change.queue) ||
      duties.changes.length > 0;
    if (isAsked) assert.deepEqual(change, duties.changes.shift());
    else {
      const former = state.queues.has(change.queue);
      assert(!former && Object.keys(change.options).length === 0, "with the first dead letter");
    }
    switch (change.kind) {
      case "exchange_declared":
        return void state.exchanges.push(change.exchange);
      case "exchange_deleted":
        state.exchanges = state.exchanges.filter((one) => one !== change.exchange);
        state.bindings = state.bindings.filter((one) => one.exchange !== change.exchange);
        return;
      case "queue_declared":
        return void state.queues.set(change.queue, change.options);
      case "queue_deleted":
        return this.#queueDeleted(change.queue);
      case "bound":
      case "unbound": {
        const { queue, exchange, routingKey: key } = change;
        if (change.kind === "bound") return void state.bindings.push({ queue, exchange, key });
        state.bindings = state.bindings.filter((one) =>
          one.queue !== queue || one.exchange !== exchange || one.key !== key
        );
      }
    }
  }

  #queueDeleted(queue: string): void {
    const state = this.#state;
    state.queues.delete(queue);
    state.bindings = state.bindings.filter((one) => one.queue !== queue);
    for (const peer of state.connections) {
      peer.subscriptions = peer.subscriptions.filter((one) => one.queue !== queue);
    }
    const inside = state.messages.filter((one) => one.queue === queue);
    for (const message of inside) state.remove(message, true);
  }

  #enqueued({ message, body }: ChangeOf<"enqueued">, input: Input, duties: Duties): void {
    assert(
      input.kind === "publish" && duties.queues.delete(message.queue),
      "a queue takes it once",
    );
    const { id, exchange, routingKey, receiver } = input;
    const { publisher } = this.#state.published.at(-1)!;
    const facts = { publisher, id, body: decoder.decode(body), exchange, routingKey };
    const expiresMs = this.#state.expiry(message.queue, input.ttlMs);
    assertHead(message, this.#state.append(message.queue, receiver, facts, expiresMs));
  }

  #moved({ from, message: head }: ChangeOf<"moved">, duties: Duties): void {
    const message = this.#state.at(from);
    assert(message !== undefined, "what is moved is queued");
    const queue = head.dead === undefined
      ? this.#redriven(message, duties)
      : this.#died(message, head.dead.reason, duties);
    const { deliveries } = message;
    const { rejected } = duties;
    const text = rejected?.message === message ? rejected.text : "";
    const dead = head.dead && {
      ...{ reason: head.dead.reason, text, deliveries },
      ...{ atMs: this.#state.now.wallMs, queue: message.queue },
    };
    if (rejected?.message === message) delete duties.rejected;
    this.#state.remove(message);
    const expiresMs = this.#state.expiry(queue);
    assertHead(head, this.#state.append(queue, message.receiver, message.facts, expiresMs, dead));
  }

  #redriven(message: ModelMessage, duties: Duties): string {
    const { redriven } = duties;
    assert(redriven !== undefined && message.holder === undefined, "somebody redrives it");
    const next = redriven.wanted.find(({ holder }) => holder === undefined);
    assert.equal(message, next, "in order");
    assert(!this.#state.isFull(redriven.queue, message.facts.body), "there is room");
    redriven.wanted.splice(redriven.wanted.indexOf(message), 1);
    redriven.count++;
    return redriven.queue;
  }

  #died(message: ModelMessage, reason: string, duties: Duties): string {
    const { maxDeliveries, expired } = this.#state.options(message.queue);
    assert(!isDeadLetterQueue(message.queue), "a dead letter never dies again");
    const isBack = duties.back.delete(message);
    const isWorn = isBack && maxDeliveries > 0 && message.deliveries >= maxDeliveries;
    const isOver = this.#state.isOver(message) && (isBack || message.holder === undefined);
    const due = duties.rejected?.message === message
      ? "rejected"
      : isWorn
      ? "max_deliveries"
      : isOver && expired === "dead"
      ? "expired"
      : "none";
    assert.equal(reason, due);
    return `${message.queue}.dead`;
  }

  #removed({ message: ref }: ChangeOf<"removed">, duties: Duties): void {
    const message = this.#state.at(ref);
    assert(message !== undefined, "what is removed is queued");
    if (duties.acked.includes(message)) {
      duties.acked = [];
      return this.#state.remove(message);
    }
    if (!duties.purged.delete(message)) {
      const isBack = duties.back.delete(message);
      assert(isBack || message.holder === undefined, "nobody holds what expires");
      assert(this.#state.isOver(message), "only what is over is removed by itself");
      assert.equal(this.#state.options(message.queue).expired, "remove");
    }
    this.#state.remove(message, true);
  }

  #returned({ message: ref, deliveries }: ChangeOf<"returned">, duties: Duties): void {
    const message = this.#state.at(ref);
    assert(message !== undefined && duties.back.delete(message), "its lease had to end");
    const { maxDeliveries } = this.#state.options(message.queue);
    assert(maxDeliveries === 0 || deliveries < maxDeliveries, "it would be a dead letter");
    assert(!this.#state.isOver(message), "it would have expired");
    assert.equal(deliveries, message.deliveries);
    message.holder = undefined;
    message.storedDeliveries = deliveries;
  }

  #deliver(
    { connection, message, fetched }: Deliver,
    input: Input,
    bodyOf: BodyOf,
    duties: Duties,
  ) {
    const peer = this.#state.connections.find((one) => one.connection === connection);
    assert(peer !== undefined, "a delivery goes to a connection that is there");
    const oldest = this.#oldest(message.queue, peer.identity);
    assert(oldest !== undefined, "a delivery is of a message that waits for this identity");
    assertPlace(message, oldest);
    const { publisher, id, body } = oldest.facts;
    assert.deepEqual(
      [message.publisher, message.id, decoder.decode(bodyOf(message)), message.deliveries],
      [publisher, id, body, oldest.deliveries + 1],
    );
    if (fetched) {
      assert(input.kind === "fetch" && input.connection === connection);
      assert.equal(duties.fetched, oldest);
      delete duties.fetched;
    } else assert(this.#state.mayPush(peer, oldest), "it needs a subscription, credit and room");
    oldest.holder = connection;
    oldest.fetched = fetched;
    oldest.given = true;
    oldest.deliveries++;
    oldest.heldOrder = this.#leases++;
    oldest.heldSinceMs = this.#state.now.monoMs;
    peer.unsentBytes += body.length;
  }

  #assertDone(duties: Duties): void {
    assert.equal(duties.fetched, undefined, "what is fetched comes");
    assert.equal(duties.back.size, 0, "every lease that is over ends");
    assert.equal(duties.acked.length, 0, "what is acknowledged is removed");
    assert.equal(duties.purged.size, 0, "what is purged is removed");
    assert.equal(duties.rejected, undefined, "what is rejected is a dead letter");
    assert.equal(duties.queues.size, 0, "what is published is stored");
    assert.deepEqual(duties.changes, []);
  }

  #assertNothingOver(): void {
    for (const message of this.#state.messages) {
      if (!this.#state.isOver(message)) continue;
      assert(message.holder !== undefined, "a tick ends all that waited too long");
      message.wasOver = true;
    }
  }

  /** No message waits that somebody has a subscription, credit and room for. */
  #assertNothingHeldBack(): void {
    for (const peer of this.#state.connections) {
      for (const { queue } of peer.subscriptions) {
        const [first] = this.#state.waiting(queue, peer.identity);
        // Its time was over between two steps: the next tick deals with it.
        if (first === undefined || this.#state.isOver(first)) continue;
        const { id } = first.facts;
        const held = this.#state.mayPush(peer, first);
        assert(!held, `${id} waits in ${queue} though ${peer.connection} has room for it`);
      }
    }
  }

  /** The oldest message that waits and lives. */
  #oldest(queue: string, receiver: string): ModelMessage | undefined {
    return this.#state.waiting(queue, receiver).find((one) => !this.#state.isOver(one));
  }

  /** The message `id` that a connection holds, longest held first. */
  #heldAs({ connection }: ModelConnection, id: string): ModelMessage | undefined {
    return this.#state.held(connection).find(({ facts }) => facts.id === id);
  }
}

function assertPlace(is: MessageRef, wanted: MessageRef): void {
  const place = ({ queue, receiver, seq }: MessageRef) => [queue, receiver, seq];
  assert.deepEqual(place(is), place(wanted));
}

function assertHead(is: MessageHead, wanted: ModelMessage): void {
  assertPlace(is, wanted);
  const { id, publisher, exchange, routingKey, size, expiresMs, dead } = is;
  const { body, ...facts } = wanted.facts;
  assert.deepEqual(
    { id, publisher, exchange, routingKey, size, expiresMs, dead },
    { ...facts, size: body.length, expiresMs: wanted.expiresMs, dead: wanted.dead },
  );
}

function comparable(answer: Answer): unknown {
  if (answer.kind !== "refused") return answer;
  const { kind, code, id } = answer;
  return id === undefined ? { kind, code } : { kind, code, id };
}
