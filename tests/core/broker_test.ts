/**
 * The broker as a whole: against a model that is obviously right, with restarts in between; and the
 * rules that belong to no other part.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AssertionError } from "../../lib/base/assert.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { QueueOptions } from "../../lib/base/queue_options.ts";
import type { Change } from "../../lib/core/effect.ts";
import type { Input } from "../../lib/core/input.ts";
import type { MessageRef } from "../../lib/core/message.ts";
import { CoreDriver } from "../support/core_driver.ts";
import { CoreModel } from "../support/core_model.ts";

const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  defaultPrefetch: 3,
  maxPrefetch: 4,
  maxPrefetchBytes: 100,
  maxUnsentBytes: 150,
  maxConsumersPerConnection: 3,
  maxConsumersPerQueue: 4,
  maxExchanges: 1,
  maxQueues: 3,
  maxBindings: 4,
  maxQueueMessages: 60,
  maxQueueBytes: 4_000,
  ackTimeoutMs: 100,
  maxDeliveries: 3,
};
const IDENTITIES = ["alice", "bob", "carol"];
const QUEUES = ["q1", "q2", "q1", "q2", "q1.dead"];
const SIZES = [5, 20, 45, 80, 120];
const OPTIONS: readonly Partial<QueueOptions>[] = [
  {},
  { ttlMs: 900 },
  { ttlMs: 60, expired: "remove" },
  { ttlMs: 0, expired: "dead" },
  { ackTimeoutMs: 30, maxDeliveries: 1 },
  { ackTimeoutMs: 250, maxDeliveries: 0 },
  { maxMessages: 5 },
  { maxBytes: 200 },
  { maxMessages: 50, maxBytes: 3_000, maxDeliveries: 2 },
  { maxMessages: 61 },
  { maxBytes: 4_001 },
];
const TTLS = [undefined, undefined, undefined, undefined, 150, 400];
const encoder = new TextEncoder();

interface Action {
  readonly kind: Input["kind"] | "disk" | "restart" | "jump";
  /** Numbers that each kind reads as it likes. */
  readonly who: number;
  readonly what: number;
  readonly how: number;
}

/** How often each kind comes. */
const WEIGHTS: readonly (readonly [Action["kind"], number])[] = [
  ["connected", 4],
  ["disconnected", 2],
  ["drained", 4],
  ["declare_exchange", 3],
  ["delete_exchange", 1],
  ["declare_queue", 4],
  ["delete_queue", 1],
  ["purge", 1],
  ["bind", 8],
  ["unbind", 1],
  ["publish", 36],
  ["consume", 6],
  ["fetch", 4],
  ["ack", 8],
  ["nack", 10],
  ["touch", 3],
  ["dead_letters", 2],
  ["redrive", 4],
  ["tick", 10],
  ["disk", 1],
  ["jump", 1],
  ["restart", 1],
];

const actionArbitrary: fc.Arbitrary<Action> = fc.record({
  kind: fc.oneof(
    ...WEIGHTS.map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) })),
  ),
  who: fc.nat(4),
  what: fc.nat(59),
  how: fc.nat(11),
});

type Asked = Exclude<Action["kind"], "disk" | "restart" | "jump" | "connected" | "tick">;

/** A broker and its model side by side. */
class Pair {
  readonly driver = new CoreDriver(LIMITS);
  readonly model = new CoreModel(LIMITS);
  /** The connection of each of five clients; several clients share an identity. */
  readonly connections: number[] = [];
  #nextConnection = 1;

  constructor() {
    for (let who = 0; who < 5; who++) this.connect(who);
    this.#declare("x1", "q1");
  }

  act(action: Action): void {
    const { kind, what, how } = action;
    // Time passes in between.
    this.driver.wait(how % 4);
    if (kind === "restart") return this.restart();
    if (kind === "connected") return this.#reconnect(action);
    if (kind === "jump") this.driver.wallMs += (how - 7) * 40;
    else if (kind === "tick") this.tick([0, 1, 20, 50, 100, 300][what % 6]!);
    else if (kind === "disk") this.diskLow(how < 2);
    else this.step(this.#input(kind, action));
  }

  /** Connects a client anew; its former connection may still be open. */
  connect(who: number): void {
    const connection = this.#nextConnection++;
    this.connections[who] = connection;
    const identity = IDENTITIES[who % IDENTITIES.length]!;
    this.driver.expect(connection, identity);
    this.step({ kind: "connected", connection, identity });
  }

  restart(): void {
    this.driver.restart();
    this.model.restart();
  }

  diskLow(low: boolean): void {
    this.driver.diskLow(low);
    this.model.diskLow(low);
  }

  tick(ms: number): void {
    this.driver.wait(ms);
    this.step({ kind: "tick" });
  }

  step(input: Input): void {
    const effects = this.driver.step(input);
    const { wallMs, monoMs } = this.driver;
    const bodyOf = (message: MessageRef) => this.driver.disk.body(message);
    this.model.check(input, { wallMs, monoMs }, effects, bodyOf);
  }

  #reconnect({ who, how }: Action): void {
    if (how < 8) this.step({ kind: "disconnected", connection: this.connections[who]! });
    this.connect(who);
  }

  #declare(exchange: string, queue: string): void {
    const connection = this.connections[0]!;
    this.step({ kind: "declare_exchange", connection, exchange, exchangeKind: "direct" });
    this.step({ kind: "declare_queue", connection, queue, options: {} });
    this.step({ kind: "bind", connection, exchange, queue, routingKey: "k1" });
  }

  #input(kind: Asked, action: Action): Input {
    const { who, what, how } = action;
    const connection = this.connections[who]!;
    const queue = QUEUES[what % QUEUES.length]!;
    const exchange = how === 0 ? "x2" : "x1";
    const routingKey = how % 4 === 0 ? "k2" : "k1";
    switch (kind) {
      case "declare_exchange":
        return { kind, connection, exchange, exchangeKind: "direct" };
      case "delete_exchange":
        return { kind, connection, exchange, force: how < 3 };
      case "declare_queue":
        return { kind, connection, queue, options: OPTIONS[how % OPTIONS.length]! };
      case "delete_queue":
      case "purge":
        return { kind, connection, queue, force: how < 4 };
      case "bind":
      case "unbind":
        return { kind, connection, exchange, queue, routingKey };
      case "publish":
        return this.#publish(connection, what, how);
      case "consume":
        return { kind, connection, queue, ...(how < 6 && { prefetch: how % 5 + 1 }) };
      case "fetch":
        return { kind, connection, queue };
      case "ack":
      case "touch":
        return { kind, connection, id: this.#idToAck(connection, what, how) };
      case "nack": {
        const id = this.#idToAck(connection, what, how);
        return { kind, connection, id, dead: what % 3 > 0, ...(how > 5 && { reason: "why" }) };
      }
      case "dead_letters":
        return { kind, connection, queue, ...(how > 5 && { after: how - 6 }) };
      case "redrive":
        return { kind, connection, queue, ...(how > 8 && { id: `m${what}` }) };
      default:
        return { kind, connection } as Input;
    }
  }

  #publish(connection: number, what: number, how: number): Input {
    const text = `${what}${how === 1 ? "!" : "."}`.padEnd(SIZES[what % SIZES.length]!, "~");
    const ttlMs = TTLS[how % TTLS.length];
    return {
      ...{ kind: "publish", connection, exchange: how === 11 ? "x2" : "x1" },
      ...{ routingKey: how % 4 === 0 ? "k2" : "k1", id: `m${what}` },
      ...{ receiver: IDENTITIES[what % IDENTITIES.length]!, body: encoder.encode(text) },
      ...(ttlMs !== undefined && { ttlMs }),
    };
  }

  #idToAck(connection: number, what: number, how: number): string {
    const held = this.model.heldBy(connection);
    return how > 2 && held.length > 0 ? held[what % held.length]! : `m${what}`;
  }

  /** All identities come back and take everything there is, also what becomes a dead letter. */
  drain(): void {
    for (const connection of this.connections) this.step({ kind: "disconnected", connection });
    for (const [who] of IDENTITIES.entries()) this.connect(who);
    for (let round = 0; round < 100 && this.model.size > 0; round++) {
      this.tick(10);
      for (const connection of this.connections.slice(0, IDENTITIES.length)) {
        for (const queue of this.model.queues) this.step({ kind: "fetch", connection, queue });
        for (const id of this.model.heldBy(connection)) this.step({ kind: "ack", connection, id });
      }
    }
  }
}

Deno.test("whatever happens, the broker does what the model says, and in the end everything drains", () => {
  const sequences = fc.array(actionArbitrary, {
    minLength: 100,
    maxLength: 250,
    size: "max",
  });
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(sequences, (actions) => {
      const pair = new Pair();
      for (const action of actions) pair.act(action);
      for (const change of pair.driver.changes) {
        const name = happening(change);
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
      // Also what connections hold that nobody disconnected.
      pair.restart();
      pair.drain();
      assert.equal(pair.model.size, 0);
      pair.restart();
      const left = pair.driver.connect("bob").stats().queues;
      assert.deepEqual(left.map(([name]) => name).toSorted(), pair.model.queues.toSorted());
      assert(left.every(([, messages]) => messages === 0), "nothing is left after a restart");
    }),
    { numRuns: 300 },
  );
  for (const name of HAPPENINGS) {
    assert((seen.get(name) ?? 0) >= 10, `${name} came ${seen.get(name)} times: that proves little`);
  }
});

/** What must have happened often enough. */
const HAPPENINGS = [
  ...["enqueued", "returned", "removed", "moved max_deliveries", "moved rejected", "moved expired"],
  ...["moved back", "queue_declared", "queue_deleted", "exchange_deleted", "bound", "unbound"],
];

function happening(change: Change): string {
  return change.kind === "moved" ? `moved ${change.message.dead?.reason ?? "back"}` : change.kind;
}

Deno.test("inputs of a connection that has ended, or never was, do nothing", () => {
  const driver = new CoreDriver();
  const alice = driver.connect("alice");
  alice.bind("q");
  alice.disconnect();
  const changes = driver.changes.length;
  assert.equal(alice.publish("1"), undefined);
  assert.equal(alice.consume("q"), undefined);
  assert.equal(alice.send({ kind: "stats" }), undefined);
  alice.drained();
  alice.disconnect();
  assert.deepEqual(
    driver.step({ kind: "declare_queue", connection: 99, queue: "z", options: {} }),
    [],
  );
  assert.equal(driver.changes.length, changes);
  assert.deepEqual(driver.connect("bob").stats().queues, [["q", 0]]);
});

Deno.test("a connection number that is in use is a bug and stops the broker", () => {
  const driver = new CoreDriver();
  const { connection } = driver.connect("alice");
  assert.throws(
    () => driver.step({ kind: "connected", connection, identity: "bob" }),
    AssertionError,
  );
});

Deno.test("a registered key is given to everybody, replaced by a new one and kept over a restart", () => {
  const driver = new CoreDriver();
  const bob = driver.connect("bob");
  const get = { kind: "get_key", client: "bob" } as const;
  const register = (byte: number) =>
    bob.send({ kind: "register_key", client: "bob", key: new Uint8Array(32).fill(byte) });
  assert.deepEqual(bob.send(get), { kind: "no_key" });
  assert.deepEqual(register(1), { kind: "key_registered" });
  assert.deepEqual(register(1), { kind: "key_registered" });
  assert.equal(driver.changes.length, 1, "the same key is stored once");
  register(2);
  const key = { kind: "public_key", key: new Uint8Array(32).fill(2) };
  assert.deepEqual(driver.connect("alice").send(get), key);
  driver.restart();
  assert.deepEqual(driver.connect("alice").send(get), key);
});
