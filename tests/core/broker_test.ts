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
import type { Input } from "../../lib/core/input.ts";
import { CoreDriver } from "../support/core_driver.ts";
import { CoreModel } from "../support/core_model.ts";

const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  defaultPrefetch: 3,
  maxPrefetch: 4,
  maxPrefetchBytes: 100,
  maxUnsentBytes: 150,
  maxConsumersPerConnection: 2,
};
const IDENTITIES = ["alice", "bob", "carol"];
const QUEUES = ["q1", "q2"];
const SIZES = [5, 20, 45, 80, 120];
const encoder = new TextEncoder();

interface Action {
  readonly kind: Input["kind"] | "restart";
  /** Numbers that each kind reads as it likes. */
  readonly who: number;
  readonly what: number;
  readonly how: number;
}

const actionArbitrary: fc.Arbitrary<Action> = fc.record({
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant("connected" as const) },
    { weight: 2, arbitrary: fc.constant("disconnected" as const) },
    { weight: 4, arbitrary: fc.constant("drained" as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("declare_exchange" as const, "declare_queue" as const),
    },
    { weight: 2, arbitrary: fc.constant("bind" as const) },
    { weight: 18, arbitrary: fc.constant("publish" as const) },
    { weight: 5, arbitrary: fc.constant("consume" as const) },
    { weight: 4, arbitrary: fc.constant("fetch" as const) },
    { weight: 12, arbitrary: fc.constant("ack" as const) },
    { weight: 1, arbitrary: fc.constant("restart" as const) },
  ),
  who: fc.nat(4),
  what: fc.nat(29),
  how: fc.nat(11),
});

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
    if (action.kind === "restart") return this.restart();
    if (action.kind === "connected") return this.#reconnect(action);
    this.step(this.#input(action.kind, action));
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

  step(input: Input): void {
    const effects = this.driver.step(input);
    this.model.check(input, effects, (message) => this.driver.disk.body(message));
  }

  #reconnect({ who, how }: Action): void {
    if (how < 8) this.step({ kind: "disconnected", connection: this.connections[who]! });
    this.connect(who);
  }

  #declare(exchange: string, queue: string): void {
    const connection = this.connections[0]!;
    this.step({ kind: "declare_exchange", connection, exchange, exchangeKind: "direct" });
    this.step({ kind: "declare_queue", connection, queue });
    this.step({ kind: "bind", connection, exchange, queue, routingKey: "k1" });
  }

  #input(kind: Exclude<Action["kind"], "restart" | "connected">, action: Action): Input {
    const { who, what, how } = action;
    const connection = this.connections[who]!;
    const queue = QUEUES[what % 2]!;
    const exchange = how === 0 ? "x2" : "x1";
    const routingKey = how % 3 === 0 ? "k2" : "k1";
    switch (kind) {
      case "declare_exchange":
        return { kind, connection, exchange, exchangeKind: "direct" };
      case "declare_queue":
        return { kind, connection, queue };
      case "bind":
        return { kind, connection, exchange, queue, routingKey };
      case "publish": {
        const text = `${what}${how === 1 ? "!" : "."}`.padEnd(SIZES[what % SIZES.length]!, "~");
        const receiver = IDENTITIES[what % IDENTITIES.length]!;
        const body = encoder.encode(text);
        return { kind, connection, exchange, routingKey, id: `m${what}`, receiver, body };
      }
      case "consume":
        return { kind, connection, queue, ...(how < 6 && { prefetch: how % 5 + 1 }) };
      case "ack":
        return { kind, connection, id: this.#idToAck(connection, what, how) };
      case "fetch":
        return { kind, connection, queue };
      default:
        return { kind, connection } as Input;
    }
  }

  #idToAck(connection: number, what: number, how: number): string {
    const held = this.model.heldBy(connection);
    return how > 2 && held.length > 0 ? held[what % held.length]! : `m${what}`;
  }

  /** All identities come back and take everything there is. */
  drain(): void {
    for (const connection of this.connections) this.step({ kind: "disconnected", connection });
    for (const [who] of IDENTITIES.entries()) {
      this.connect(who);
      const connection = this.connections[who]!;
      for (const queue of QUEUES) this.step({ kind: "consume", connection, queue });
    }
    for (let before = Infinity; this.model.size < before;) {
      before = this.model.size;
      for (const connection of this.connections.slice(0, IDENTITIES.length)) {
        this.step({ kind: "drained", connection });
        for (const id of this.model.heldBy(connection)) this.step({ kind: "ack", connection, id });
      }
    }
  }
}

Deno.test("whatever happens, the broker does what the model says, and in the end everything drains", () => {
  const sequences = fc.array(actionArbitrary, { minLength: 40, maxLength: 90 });
  fc.assert(
    fc.property(sequences, (actions) => {
      const pair = new Pair();
      for (const action of actions) pair.act(action);
      pair.drain();
      // A connection that nobody disconnected may still hold something.
      pair.restart();
      pair.drain();
      assert.equal(pair.model.size, 0);
      pair.restart();
      const left = pair.driver.connect("bob").stats().queues;
      assert(left.every(([, messages]) => messages === 0), "nothing is left after a restart");
      const ids = pair.driver.changes.flatMap((change) =>
        change.kind === "enqueued" ? [change.message] : []
      );
      assert.equal(new Set(ids.map(place)).size, ids.length, "no place is used twice");
    }),
    { numRuns: 300 },
  );
});

function place({ queue, receiver, seq }: { queue: string; receiver: string; seq: number }): string {
  return `${queue} ${receiver} ${seq}`;
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
  assert.deepEqual(driver.step({ kind: "declare_queue", connection: 99, queue: "z" }), []);
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
