/**
 * What the broker's core must do, written as plainly as possible: arrays, searched from the front.
 * It says which answer an input gets and which deliveries are allowed, and that none is held back.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Limits } from "../../lib/base/limits.ts";
import type { Answer, Change, Effect } from "../../lib/core/effect.ts";
import type { Input } from "../../lib/core/input.ts";
import type { MessageRef } from "../../lib/core/message.ts";

interface ModelMessage {
  readonly queue: string;
  readonly receiver: string;
  readonly publisher: string;
  readonly id: string;
  readonly body: string;
  /** Times it was handed out, as far as memory and as far as the disk knows. */
  deliveries: number;
  storedDeliveries: number;
  /** Handed out in this run of the broker. */
  given: boolean;
  holder: number | undefined;
  fetched: boolean;
  /** The lower of two was handed out earlier. */
  heldSince: number;
}

interface ModelConnection {
  readonly connection: number;
  readonly identity: string;
  readonly subscriptions: { readonly queue: string; readonly prefetch: number }[];
  unsentBytes: number;
}

/** What an answer says, without its text. */
type Expected = { readonly kind: string; readonly code?: string; readonly id?: string };
type Deliver = Extract<Effect, { kind: "deliver" }>;
type InputOf<Kind extends Input["kind"]> = Extract<Input, { kind: Kind }>;

const decoder = new TextDecoder();

/** A broker that is obviously right, and too slow to be used. */
export class CoreModel {
  readonly #limits: Limits;
  readonly #exchanges: string[] = [];
  readonly #queues: string[] = [];
  readonly #bindings: { exchange: string; key: string; queue: string }[] = [];
  /** In the order of acceptance. */
  #messages: ModelMessage[] = [];
  readonly #published: { publisher: string; id: string; body: string }[] = [];
  readonly #acknowledged: { identity: string; id: string }[] = [];
  #connections: ModelConnection[] = [];
  #leases = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Messages that are not acknowledged. */
  get size(): number {
    return this.#messages.length;
  }

  /** The ids a connection holds. */
  heldBy(connection: number): string[] {
    return this.#held(connection).map(({ id }) => id);
  }

  /** The broker died and came back. */
  restart(): void {
    this.#connections = [];
    for (const message of this.#messages) {
      message.holder = undefined;
      message.given = false;
      message.deliveries = message.storedDeliveries;
    }
  }

  /** Takes an input and holds what the broker did to what it had to do. */
  check(input: Input, effects: readonly Effect[], bodyOf: (ref: MessageRef) => Uint8Array): void {
    const changes = effects.flatMap((effect) => effect.kind === "change" ? [effect.change] : []);
    const answers = effects.flatMap((effect) => effect.kind === "answer" ? [effect] : []);
    const delivers = effects.flatMap((effect) => effect.kind === "deliver" ? [effect] : []);
    const expected = this.#expect(input, changes);
    for (const answer of answers) assert.equal(answer.connection, input.connection);
    const fetched = delivers.filter((deliver) => deliver.fetched);
    if (expected === "fetched") {
      assert.equal(fetched.length, 1);
      assert.deepEqual(delivers[0], fetched[0]);
      assert.equal(fetched[0]!.connection, input.connection);
    } else {
      assert.equal(fetched.length, 0);
    }
    const wanted = expected === "fetched" || expected === undefined ? [] : [expected];
    assert.deepEqual(answers.map(({ answer }) => withoutText(answer)), wanted);
    for (const deliver of delivers) this.#deliver(deliver, bodyOf(deliver.message));
    this.#assertNothingHeldBack();
  }

  #expect(input: Input, changes: readonly Change[]): Expected | "fetched" | undefined {
    const { connection } = input;
    if (input.kind === "connected") {
      const { identity } = input;
      this.#connections.push({ connection, identity, subscriptions: [], unsentBytes: 0 });
      return undefined;
    }
    const peer = this.#connections.find((one) => one.connection === connection);
    if (peer === undefined) return this.#expectNothing(changes);
    switch (input.kind) {
      case "disconnected":
        return this.#disconnect(peer, changes);
      case "drained":
        peer.unsentBytes = 0;
        return undefined;
      case "declare_exchange":
        if (!this.#exchanges.includes(input.exchange)) this.#exchanges.push(input.exchange);
        return { kind: "exchange_declared" };
      case "declare_queue":
        if (!this.#queues.includes(input.queue)) this.#queues.push(input.queue);
        return { kind: "queue_declared" };
      case "bind":
        return this.#bind(input);
      case "publish":
        return this.#publish(input, peer, changes);
      case "consume":
        return this.#consume(input, peer);
      case "fetch":
        return this.#fetch(input, peer);
      case "ack":
        return this.#ack(input, peer, changes);
      default:
        throw new Error(`the model does not know '${input.kind}'`);
    }
  }

  #expectNothing(changes: readonly Change[]): undefined {
    assert.deepEqual(changes, []);
  }

  #disconnect(peer: ModelConnection, changes: readonly Change[]): undefined {
    this.#connections = this.#connections.filter((one) => one !== peer);
    const held = this.#held(peer.connection);
    assert.equal(changes.length, held.length, "every lease returns and nothing else changes");
    for (const message of held) {
      message.holder = undefined;
      message.storedDeliveries = message.deliveries;
    }
  }

  #bind({ queue, exchange, routingKey: key }: InputOf<"bind">): Expected {
    if (!this.#exchanges.includes(exchange) || !this.#queues.includes(queue)) {
      return { kind: "refused", code: "not_found" };
    }
    const same = this.#bindings.some((one) =>
      one.exchange === exchange && one.queue === queue && one.key === key
    );
    if (!same) this.#bindings.push({ exchange, key, queue });
    return { kind: "queue_bound" };
  }

  #publish(
    input: InputOf<"publish">,
    { identity: publisher }: ModelConnection,
    changes: readonly Change[],
  ): Expected {
    const { id, exchange, routingKey, receiver } = input;
    const body = decoder.decode(input.body);
    const before = this.#published.find((one) => one.publisher === publisher && one.id === id);
    if (before !== undefined) {
      assert.deepEqual(changes, []);
      return before.body === body
        ? { kind: "accepted", id }
        : { kind: "refused", code: "conflict", id };
    }
    if (!this.#exchanges.includes(exchange)) return { kind: "refused", code: "not_found", id };
    const queues = this.#bindings
      .filter((one) => one.exchange === exchange && one.key === routingKey)
      .map(({ queue }) => queue);
    if (queues.length === 0) return { kind: "refused", code: "unroutable", id };
    this.#published.push({ publisher, id, body });
    for (const queue of queues) {
      this.#messages.push({
        ...{ queue, receiver, publisher, id, body },
        ...{ deliveries: 0, storedDeliveries: 0, given: false },
        ...{ holder: undefined, fetched: false, heldSince: 0 },
      });
    }
    const stored = changes.map((change) =>
      change.kind === "enqueued" ? change.message.queue : change.kind
    );
    assert.deepEqual(stored.toSorted(), queues.toSorted());
    return { kind: "accepted", id };
  }

  #consume({ queue, prefetch }: InputOf<"consume">, peer: ModelConnection): Expected {
    if (!this.#queues.includes(queue)) return { kind: "refused", code: "not_found" };
    const { defaultPrefetch, maxPrefetch, maxConsumersPerConnection } = this.#limits;
    const wanted = prefetch ?? defaultPrefetch;
    if (wanted > maxPrefetch) return { kind: "refused", code: "limit" };
    const { subscriptions } = peer;
    if (!subscriptions.some((one) => one.queue === queue)) {
      if (subscriptions.length === maxConsumersPerConnection) {
        return { kind: "refused", code: "limit" };
      }
      subscriptions.push({ queue, prefetch: wanted });
    }
    return { kind: "subscribed" };
  }

  #fetch({ queue }: InputOf<"fetch">, peer: ModelConnection): Expected | "fetched" {
    if (!this.#queues.includes(queue)) return { kind: "refused", code: "not_found" };
    const oldest = this.#oldest(queue, peer.identity);
    if (oldest === undefined) return { kind: "no_messages" };
    const held = this.#held(peer.connection);
    if (!this.#fits(oldest, held, this.#limits.maxPrefetch)) {
      return { kind: "refused", code: "limit" };
    }
    return "fetched";
  }

  #ack({ id }: InputOf<"ack">, peer: ModelConnection, changes: readonly Change[]): Expected {
    const { identity } = peer;
    const own = this.#messages.filter((one) =>
      one.id === id && one.receiver === identity && one.given
    );
    const held = own.filter(({ holder }) => holder === peer.connection)
      .toSorted((a, b) => a.heldSince - b.heldSince);
    const again = this.#acknowledged.some((one) => one.identity === identity && one.id === id);
    if (own.length === 0 || (held.length === 0 && again)) {
      assert.deepEqual(changes, []);
      return again ? { kind: "ack_confirmed", id } : { kind: "refused", code: "not_found" };
    }
    const [change] = changes;
    assert(changes.length === 1 && change?.kind === "removed", "an ack removes one message");
    const allowed = held.length > 0 ? held.slice(0, 1) : own;
    const removed = allowed.find(({ queue, receiver }) =>
      queue === change.message.queue && receiver === change.message.receiver
    );
    assert(removed !== undefined, "it takes what its connection has held longest");
    this.#messages = this.#messages.filter((one) => one !== removed);
    this.#acknowledged.push({ identity, id });
    return { kind: "ack_confirmed", id };
  }

  #deliver({ connection, message, fetched }: Deliver, body: Uint8Array): void {
    const peer = this.#connections.find((one) => one.connection === connection);
    assert(peer !== undefined, "a delivery goes to a connection that is there");
    const oldest = this.#oldest(message.queue, peer.identity);
    assert(oldest !== undefined, "a delivery is of a message that waits for this identity");
    assert.deepEqual(
      { ...pick(message), body: decoder.decode(body), deliveries: message.deliveries },
      { ...pick(oldest), body: oldest.body, deliveries: oldest.deliveries + 1 },
      "a delivery is of the oldest message",
    );
    if (!fetched) assert(this.#mayPush(peer, oldest), "a delivery needs a subscription and credit");
    oldest.holder = connection;
    oldest.fetched = fetched;
    oldest.given = true;
    oldest.deliveries++;
    oldest.heldSince = this.#leases++;
    peer.unsentBytes += oldest.body.length;
  }

  /** No message waits that somebody has a subscription, credit and room for. */
  #assertNothingHeldBack(): void {
    for (const peer of this.#connections) {
      for (const { queue } of peer.subscriptions) {
        const oldest = this.#oldest(queue, peer.identity);
        const held = oldest !== undefined && this.#mayPush(peer, oldest);
        assert(!held, `${oldest?.id} waits in ${queue} though ${peer.connection} has room for it`);
      }
    }
  }

  #mayPush(peer: ModelConnection, message: ModelMessage): boolean {
    const subscription = peer.subscriptions.find(({ queue }) => queue === message.queue);
    if (subscription === undefined || peer.unsentBytes >= this.#limits.maxUnsentBytes) return false;
    const held = this.#held(peer.connection)
      .filter(({ queue, fetched }) => queue === message.queue && !fetched);
    return this.#fits(message, held, subscription.prefetch);
  }

  #fits(message: ModelMessage, held: readonly ModelMessage[], prefetch: number): boolean {
    const bytes = held.reduce((sum, { body }) => sum + body.length, message.body.length);
    return held.length === 0 ||
      (held.length < prefetch && bytes <= this.#limits.maxPrefetchBytes);
  }

  #held(connection: number): ModelMessage[] {
    return this.#messages.filter(({ holder }) => holder === connection);
  }

  #oldest(queue: string, receiver: string): ModelMessage | undefined {
    return this.#messages.find((one) =>
      one.queue === queue && one.receiver === receiver && one.holder === undefined
    );
  }
}

function pick({ queue, receiver, publisher, id }: Omit<MessageRef, "seq"> & {
  readonly publisher: string;
  readonly id: string;
}): Record<string, string> {
  return { queue, receiver, publisher, id };
}

function withoutText(answer: Answer): Expected {
  if (answer.kind !== "refused") return answer;
  const { kind, code, id } = answer;
  return id === undefined ? { kind, code } : { kind, code, id };
}
