/**
 * The engine with a store whose commits, reads and forgetting the test resolves, and turns that the
 * test runs: what may leave when.
 *
 * @module
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { CipherMqError } from "../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { Broker } from "../../lib/core/broker.ts";
import type { Answer, Change } from "../../lib/core/effect.ts";
import type { MessageHead, MessageRef } from "../../lib/core/message.ts";
import type { Snapshot, StoredMessage } from "../../lib/core/restore.ts";
import { Engine, type EngineStep, type Outlet } from "../../lib/server/engine.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import type { Store } from "../../lib/store/store.ts";
import type { Reply } from "../../lib/wire/reply.ts";
import { type ClientInput, seededRandom } from "../support/core_driver.ts";

/** Work that the test lets succeed or fail. */
interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A store that does nothing until it is told to, unless `patient` is false. */
class ScriptedStore implements Store {
  patient = false;
  readonly commits: (readonly Change[])[] = [];
  readonly pending: Pending[] = [];
  reads = 0;
  readonly forgotten: number[] = [];
  /** How many more pieces there are to forget. */
  pieces = 0;
  #busy = false;
  readonly #disk = new MemoryDisk();

  load(): Promise<Snapshot> {
    return Promise.resolve(this.#disk.snapshot());
  }

  async *messages(): AsyncGenerator<readonly StoredMessage[]> {
    yield await Promise.resolve(this.#disk.messages());
  }

  commit(changes: readonly Change[], wallMs: number): Promise<void> {
    this.commits.push([...changes]);
    return this.#work(() => this.#disk.write(changes, wallMs));
  }

  read(messages: readonly MessageRef[]): Promise<Uint8Array[]> {
    this.reads++;
    return this.#work(() => messages.map((message) => this.#disk.body(message)));
  }

  forget(wallMs: number): Promise<boolean> {
    this.forgotten.push(wallMs);
    return this.#work(() => this.pieces-- > 0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #work<T>(done: () => T): Promise<T> {
    assert(!this.#busy, "the store is asked for one thing at a time");
    this.#busy = true;
    if (this.patient) {
      await new Promise<void>((resolve, reject) => this.pending.push({ resolve, reject }));
    }
    this.#busy = false;
    return done();
  }
}

/** An engine whose turns the test runs. */
class Bench {
  readonly store = new ScriptedStore();
  readonly turns: (() => void)[] = [];
  /** What is to be done later, and when. */
  readonly later = new Map<() => void, number>();
  readonly failures: CipherMqError[] = [];
  readonly broker: Broker;
  readonly engine: Engine;
  monoMs = 0;

  private constructor(snapshot: Snapshot) {
    this.broker = new Broker({ limits: DEFAULT_LIMITS, random: seededRandom() }, snapshot);
    this.engine = new Engine({
      broker: this.broker,
      store: this.store,
      clock: { now: () => ({ wallMs: 1_700_000_000_000 + this.monoMs, monoMs: this.monoMs }) },
      timers: {
        soon: (turn) => void this.turns.push(turn),
        after: (ms, work) => {
          this.later.set(work, this.monoMs + ms);
          return () => void this.later.delete(work);
        },
      },
      onFailure: (error) => this.failures.push(error),
    });
  }

  /** An engine with an exchange `x`, queues `q` and `q2`, both bound, and a patient store. */
  static async make(): Promise<Bench> {
    const bench = new Bench(await new ScriptedStore().load());
    const admin = bench.connect("admin");
    admin.send({ kind: "declare_exchange", exchange: "x", exchangeKind: "direct" });
    for (const queue of ["q", "q2"]) {
      admin.send({ kind: "declare_queue", queue, options: {} });
      admin.send({ kind: "bind", queue, exchange: "x", routingKey: queue });
    }
    await bench.run();
    bench.store.patient = true;
    bench.store.commits.length = 0;
    return bench;
  }

  connect(identity: string): TestClient {
    return new TestClient(this.engine, identity);
  }

  /** Runs turns until none is left or all wait for the store. */
  async run(): Promise<void> {
    await setImmediate();
    for (let turn = this.turns.shift(); turn !== undefined; turn = this.turns.shift()) {
      turn();
      await setImmediate();
    }
  }

  /** Lets the store's present work succeed, and runs on until it waits again. */
  async succeed(): Promise<void> {
    this.#next().resolve();
    await this.run();
  }

  /** Lets the store's present work fail. */
  async failWith(error: Error): Promise<void> {
    this.#next().reject(error);
    await this.run();
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    this.monoMs += ms;
    for (const [work, dueMs] of this.later) {
      if (dueMs <= this.monoMs && this.later.delete(work)) work();
    }
    await this.run();
  }

  /** Runs until nothing is left to do, however long that takes. */
  async finish(): Promise<void> {
    await this.run();
    while (this.store.pending.length > 0 || this.later.size > 0) {
      if (this.store.pending.length > 0) await this.succeed();
      else await this.pass(Math.max(0, Math.min(...this.later.values()) - this.monoMs));
    }
  }

  /** How many changes each commit had. */
  sizes(): number[] {
    return this.store.commits.map((changes) => changes.length);
  }

  #next(): Pending {
    const next = this.store.pending.shift();
    assert(next !== undefined, "the store is at work");
    return next;
  }
}

/** A connection that writes down what it is told. */
class TestClient implements Outlet {
  readonly #engine: Engine;
  readonly connection: number;
  readonly said: string[] = [];

  constructor(engine: Engine, identity: string) {
    this.#engine = engine;
    this.connection = engine.attach(identity, this);
  }

  send(...inputs: ClientInput[]): void {
    const { connection } = this;
    this.submit(inputs.map((input) => ({ kind: "input", input: { ...input, connection } })));
  }

  submit(steps: readonly EngineStep[], bytes = 1): void {
    this.#engine.submit(this.connection, steps, bytes);
  }

  publish(...ids: string[]): void {
    const message = { exchange: "x", routingKey: "q", receiver: "bob", body: new Uint8Array(9) };
    this.send(...ids.map((id) => ({ kind: "publish", ...message, id } as const)));
  }

  /** Takes what it was told since the last call. */
  take(): string[] {
    return this.said.splice(0);
  }

  answer(answer: Answer): void {
    this.said.push("id" in answer ? `${answer.kind} ${answer.id}` : answer.kind);
  }

  reply(reply: Reply): void {
    this.said.push(`reply ${reply.kind}`);
  }

  deliver(message: MessageHead, body: Uint8Array): void {
    assert.equal(body.length, message.size);
    this.said.push(`deliver ${message.id}`);
  }

  withdrawn(message: MessageHead): void {
    this.said.push(`withdrawn ${message.id}`);
  }

  released(steps: number, bytes: number): void {
    this.said.push(`released ${steps} ${bytes}`);
  }

  flush(): void {
    this.said.push("flush");
  }

  close(): void {
    this.said.push("close");
  }
}

const heartbeat: EngineStep = { kind: "reply", reply: { kind: "heartbeat_ok" } };
const consume = { kind: "consume", queue: "q" } as const;
const fetch = { kind: "fetch", queue: "q" } as const;

Deno.test("no answer and no delivery leaves before its commit has resolved", async () => {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  bob.send(consume);
  await bench.finish();
  assert.deepEqual(bob.take(), ["subscribed", "released 1 1", "flush"]);
  alice.publish("1");
  await bench.run();
  assert.equal(bench.store.commits.length, 1);
  assert.deepEqual([alice.take(), bob.take(), bench.store.reads], [[], [], 0]);
  await bench.succeed();
  assert.deepEqual([alice.take(), bob.take()], [[], []], "its body is being read");
  await bench.succeed();
  assert.deepEqual(alice.take(), ["accepted 1", "released 1 1", "flush"]);
  assert.deepEqual(bob.take(), ["deliver 1", "flush"]);
  bob.send({ kind: "ack", id: "1" });
  await bench.pass(3);
  assert.deepEqual(bob.take(), []);
  await bench.succeed();
  assert.deepEqual(bob.take(), ["ack_confirmed 1", "released 1 1", "flush"]);
});

Deno.test("what arrives together is one commit; what arrives during it is the next", async () => {
  const bench = await Bench.make();
  const [alice, carol] = [bench.connect("alice"), bench.connect("carol")];
  alice.publish("1", "2");
  carol.publish("3");
  assert.equal(bench.turns.length, 1);
  await bench.run();
  assert.deepEqual(bench.store.commits.map((changes) => changes.length), [3]);
  alice.publish("4");
  carol.publish("5", "6");
  await bench.run();
  assert.equal(bench.store.commits.length, 1, "one commit is in flight at a time");
  await bench.succeed();
  assert.deepEqual(alice.take(), ["accepted 1", "accepted 2", "released 2 1", "flush"]);
  assert.deepEqual(bench.store.commits.map((changes) => changes.length), [3, 3]);
  assert.deepEqual(carol.take(), ["accepted 3", "released 1 1", "flush"]);
  await bench.succeed();
  assert.deepEqual(alice.take(), ["accepted 4", "released 1 1", "flush"]);
});

Deno.test("a batch is bounded in commands, and no submission of a connection is cut or overtaken", async () => {
  const bench = await Bench.make();
  const alice = bench.connect("alice");
  for (let n = 0; n < 5; n++) {
    alice.publish(...Array.from({ length: 400 }, (_, i) => `${n * 400 + i}`));
  }
  await bench.run();
  await bench.succeed();
  await bench.succeed();
  assert.deepEqual(bench.store.commits.map((changes) => changes.length), [1200, 800]);
  const accepted = alice.take().filter((said) => said.startsWith("accepted"));
  assert.deepEqual(accepted, Array.from({ length: 2000 }, (_, i) => `accepted ${i}`));
});

Deno.test("a commit is bounded in bytes of bodies, also within a submission; others come in between", async () => {
  const bench = await Bench.make();
  const [alice, carol] = [bench.connect("alice"), bench.connect("carol")];
  const body = new Uint8Array(5_000_000);
  const large = { kind: "publish", exchange: "x", routingKey: "q", receiver: "bob", body } as const;
  alice.send(...Array.from({ length: 6 }, (_, n) => ({ ...large, id: `${n}` })));
  alice.publish("after");
  carol.publish("c");
  await bench.run();
  assert.deepEqual(bench.store.commits.map((changes) => changes.length), [4]);
  await bench.succeed();
  assert.deepEqual(alice.take(), ["accepted 0", "accepted 1", "accepted 2", "accepted 3", "flush"]);
  assert.deepEqual(bench.store.commits.map((changes) => changes.length), [4, 4]);
  await bench.succeed();
  const released = ["released 6 1", "accepted after", "released 1 1", "flush"];
  assert.deepEqual(alice.take(), ["accepted 4", "accepted 5", ...released]);
  assert.deepEqual(carol.take(), ["accepted c", "released 1 1", "flush"]);
});

Deno.test("a connection's replies keep the order of its commands, whoever answers them", async () => {
  const bench = await Bench.make();
  const bob = bench.connect("bob");
  const { connection } = bob;
  const publish = { exchange: "x", routingKey: "q", receiver: "bob", body: new Uint8Array(1) };
  bob.submit([
    heartbeat,
    { kind: "input", input: { kind: "publish", connection, id: "1", ...publish } },
    heartbeat,
    { kind: "input", input: { ...fetch, connection } },
    { kind: "input", input: { ...fetch, connection } },
    heartbeat,
  ]);
  bob.submit([heartbeat, { kind: "close" }], 7);
  await bench.finish();
  assert.deepEqual(bob.take(), [
    "reply heartbeat_ok",
    "accepted 1",
    "reply heartbeat_ok",
    "deliver 1",
    "no_messages",
    "reply heartbeat_ok",
    "released 6 1",
    "reply heartbeat_ok",
    "close",
    "released 2 7",
    "flush",
  ]);
});

Deno.test("a batch that changes nothing is answered without a commit", async () => {
  const bench = await Bench.make();
  const bob = bench.connect("bob");
  bob.send(consume, { kind: "stats" }, { kind: "ack", id: "none" });
  bob.submit([heartbeat]);
  await bench.run();
  assert.deepEqual([bench.store.commits, bench.store.reads], [[], 0]);
  const said = bob.take();
  assert.deepEqual(said.slice(0, 3), ["subscribed", "stats", "refused"]);
  assert.deepEqual(said.slice(3), ["released 3 1", "reply heartbeat_ok", "released 1 1", "flush"]);
});

Deno.test("a failed commit stops the broker: nothing is released and nothing more is taken", async () => {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  bob.send(consume);
  alice.publish("1");
  await bench.run();
  alice.publish("2");
  const waiting = bench.engine.idle();
  const error = new CipherMqError("storage", "the disk is gone");
  await bench.failWith(error);
  assert.deepEqual(bench.failures, [error]);
  await waiting;
  await bench.engine.idle();
  alice.publish("3");
  bench.engine.forget(1);
  bench.engine.detach(bob.connection);
  bench.connect("carol").publish("4");
  await bench.run();
  assert.equal(bench.store.commits.length, 1);
  assert.deepEqual([alice.take(), bob.take(), bench.turns, bench.failures.length], [[], [], [], 1]);
});

Deno.test("a failed read stops the broker before anything of its batch is released", async () => {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  bob.send(consume);
  alice.publish("1");
  await bench.run();
  await bench.succeed();
  await bench.failWith(new Error("no such row"));
  assert.deepEqual(bench.failures.map(({ code }) => code), ["storage"]);
  assert.match(bench.failures[0]!.message, /no such row/);
  assert.deepEqual([alice.take(), bob.take()], [[], []]);
  alice.publish("2");
  await bench.run();
  assert.equal(bench.store.commits.length, 1);
});

Deno.test("a broken promise of the core stops the broker before anything is committed", async () => {
  const bench = await Bench.make();
  const alice = bench.connect("alice");
  await bench.finish();
  const { connection } = alice;
  alice.publish("1");
  alice.submit([{ kind: "input", input: { kind: "connected", connection, identity: "alice" } }]);
  alice.publish("2");
  await bench.run();
  assert.equal(bench.failures.length, 1);
  assert.match(bench.failures[0]!.message, /internal error/);
  assert.deepEqual([bench.store.commits, alice.take()], [[], []]);
});

Deno.test("failing to forget stops the broker", async () => {
  const bench = await Bench.make();
  bench.engine.forget(5);
  await bench.run();
  await bench.failWith(new Error("no space"));
  assert.equal(bench.failures.length, 1);
});

Deno.test("what is handed out and acknowledged in one batch is withdrawn, not read", async () => {
  const bench = await Bench.make();
  const [alice, bob, other] = ["alice", "bob", "bob"].map((name) => bench.connect(name));
  alice!.publish("1", "2");
  await bench.finish();
  bob!.send({ ...consume, prefetch: 1 });
  other!.send(fetch);
  other!.send({ kind: "ack", id: "1" }, { kind: "ack", id: "2" });
  await bench.finish();
  assert.equal(bench.store.reads, 0);
  assert.deepEqual(bob!.take(), ["subscribed", "withdrawn 1", "released 1 1", "flush"]);
  assert.deepEqual(other!.take(), [
    "withdrawn 2",
    "no_messages",
    "released 1 1",
    "ack_confirmed 1",
    "ack_confirmed 2",
    "released 2 1",
    "flush",
  ]);
});

/** Messages `1` to `count` that bob has, an instant after their commit. Commits count from now on. */
async function deliver(count: number, prefetch = 5_000): Promise<[Bench, TestClient, TestClient]> {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  bob.send({ ...consume, prefetch });
  alice.publish(...Array.from({ length: count }, (_, i) => `${i + 1}`));
  await bench.finish();
  bench.store.commits.length = 0;
  alice.take();
  bob.take();
  return [bench, alice, bob];
}

function ack(...ids: number[]) {
  return ids.map((id) => ({ kind: "ack", id: `${id}` } as const));
}

Deno.test("an acknowledgement is committed with what is published soon after", async () => {
  const [bench, alice, bob] = await deliver(1);
  await bench.pass(2.9);
  bob.send(...ack(1));
  await bench.run();
  await bench.pass(2.9);
  assert.deepEqual([bench.sizes(), bob.take()], [[], []]);
  alice.publish("2");
  await bench.run();
  assert.deepEqual(bench.store.commits.map((changes) => changes.map(({ kind }) => kind)), [
    ["removed", "enqueued"],
  ]);
  assert.equal(bench.later.size, 0, "nothing is left to be done later");
  await bench.finish();
  assert.deepEqual(bob.take().slice(0, 3), ["ack_confirmed 1", "released 1 1", "deliver 2"]);
});

Deno.test("acknowledgements wait for others for 3 ms, however many come", async () => {
  const [bench, , bob] = await deliver(2);
  bob.send(...ack(1));
  await bench.run();
  await bench.pass(2);
  bob.send(...ack(2));
  await bench.run();
  await bench.pass(0.9);
  assert.deepEqual(bench.sizes(), []);
  await bench.pass(0.1);
  assert.deepEqual(bench.sizes(), [2]);
});

Deno.test("who has waited in vain does not wait again for 100 ms", async () => {
  const [bench, alice, bob] = await deliver(1);
  bob.send(...ack(1));
  await bench.finish();
  alice.publish("2");
  await bench.finish();
  await bench.pass(2);
  bob.send(...ack(2));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1, 1, 1]);
  await bench.finish();
  await bench.pass(98);
  alice.publish("3");
  await bench.finish();
  bob.send(...ack(3));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1, 1, 1, 1]);
});

Deno.test("acknowledgements do not wait where nobody waited for a commit for 3 ms", async () => {
  const [bench, , bob] = await deliver(2);
  await bench.pass(3);
  bob.send(...ack(1));
  await bench.finish();
  await bench.pass(1);
  bob.send(...ack(2));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1, 1]);
});

Deno.test("an answer without a commit gives acknowledgements nothing to wait for", async () => {
  const [bench, alice, bob] = await deliver(1);
  await bench.pass(3);
  alice.submit([heartbeat]);
  await bench.run();
  bob.send(...ack(1));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1]);
});

Deno.test("a commit takes no more than 8 MiB of commands, and the rest of a submission", async () => {
  const bench = await Bench.make();
  const alice = bench.connect("alice");
  await bench.finish();
  const bytes = 4 * 2 ** 20;
  for (let n = 0; n < 3; n++) alice.submit([heartbeat], bytes);
  await bench.finish();
  const said = ["reply heartbeat_ok", `released 1 ${bytes}`];
  assert.deepEqual(alice.take(), [...said, ...said, "flush", ...said, "flush"]);
});

Deno.test("the time of a commit does not count as time without one", async () => {
  const [bench, alice, bob] = await deliver(1);
  alice.publish("2");
  await bench.run();
  bench.monoMs += 30;
  await bench.finish();
  bob.send(...ack(1));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1]);
});

Deno.test("an acknowledgement that lets another message go does not wait", async () => {
  const [bench, alice, bob] = await deliver(1, 1);
  alice.publish("2");
  await bench.finish();
  bob.send(...ack(1));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1, 1]);
});

Deno.test("whoever waits for more than an acknowledgement takes those that wait along", async () => {
  const close: EngineStep = { kind: "close" };
  const [heard, bound] = [{ kind: "get_key", client: "bob" }, {
    kind: "unbind",
    queue: "q2",
    exchange: "x",
    routingKey: "q2",
  }] as const;
  for (
    const send of [
      (alice: TestClient) => alice.submit([heartbeat]),
      (alice: TestClient) => alice.submit([close]),
      (alice: TestClient) => alice.send(heard),
      (alice: TestClient) => alice.send(bound),
    ]
  ) {
    const [bench, alice, bob] = await deliver(1);
    bob.send(...ack(1));
    await bench.run();
    assert.deepEqual(bench.sizes(), []);
    send(alice);
    await bench.run();
    assert.equal(bench.store.commits.length, 1);
    await bench.finish();
    assert.deepEqual(bob.take(), ["ack_confirmed 1", "released 1 1", "flush"]);
  }
});

Deno.test("a lease that ends is committed at once, though nobody is told", async () => {
  const [bench, , bob] = await deliver(2);
  bench.engine.detach(bob.connection);
  await bench.run();
  assert.deepEqual(bench.sizes(), [2]);
});

Deno.test("an acknowledgement that changes nothing is confirmed at once", async () => {
  const [bench, , bob] = await deliver(1);
  bob.send(...ack(1));
  await bench.finish();
  await bench.pass(200);
  bob.take();
  bob.publish("2");
  await bench.finish();
  bob.take();
  bob.send(...ack(1));
  await bench.run();
  assert.deepEqual(bob.take(), ["ack_confirmed 1", "released 1 1", "flush"]);
});

Deno.test("as many acknowledgements as one commit takes do not wait for more", async () => {
  const ids = Array.from({ length: 1024 }, (_, i) => i + 1);
  const [bench, , bob] = await deliver(1024);
  bob.send(...ack(...ids.slice(1)));
  await bench.run();
  assert.deepEqual(bench.sizes(), []);
  bob.send(...ack(1));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1024]);
});

Deno.test("acknowledgements do not wait while the store forgets", async () => {
  const [bench, , bob] = await deliver(1);
  bench.engine.forget(5);
  bob.send(...ack(1));
  await bench.run();
  assert.deepEqual(bench.sizes(), [1]);
});

Deno.test("acknowledgements that wait are done when the engine is idle", async () => {
  const [bench, , bob] = await deliver(1);
  bob.send(...ack(1));
  await bench.run();
  let isIdle = false;
  const idle = bench.engine.idle().then(() => isIdle = true);
  bench.engine.tick();
  await bench.run();
  await bench.pass(3);
  assert.deepEqual([isIdle, bench.sizes()], [false, [1]]);
  await bench.succeed();
  await idle;
  assert.deepEqual(bob.take(), ["ack_confirmed 1", "released 1 1", "flush"]);
});

Deno.test("after a failure nothing is left to be done later", async () => {
  const [bench, alice, bob] = await deliver(1);
  bob.send(...ack(1));
  await bench.run();
  const { connection } = alice;
  alice.submit([{ kind: "input", input: { kind: "connected", connection, identity: "alice" } }]);
  await bench.run();
  assert.deepEqual([bench.failures.length, bench.later.size, bob.take()], [1, 0, []]);
});

Deno.test("a commit that reaches many takes more, up to 8,192 commands", async () => {
  const bench = await Bench.make();
  bench.store.patient = false;
  const clients = Array.from({ length: 9_000 }, () => bench.connect("alice"));
  await bench.finish();
  bench.store.commits.length = 0;
  for (const [at, client] of clients.entries()) client.publish(`${at}`);
  await bench.finish();
  assert.deepEqual(bench.sizes(), [8192, 808]);
});

Deno.test("a commit takes more when it writes to many queues, and not when they are only there", async () => {
  const bench = await Bench.make();
  bench.store.patient = false;
  const alice = bench.connect("alice");
  const names = Array.from({ length: 1_500 }, (_, n) => `n${n}`);
  for (const queue of names) {
    alice.send({ kind: "declare_queue", queue, options: {} });
    alice.send({ kind: "bind", queue, exchange: "x", routingKey: queue });
  }
  await bench.finish();
  bench.store.commits.length = 0;
  const message = { exchange: "x", receiver: "bob", body: new Uint8Array(9) };
  for (const id of names) alice.send({ kind: "publish", ...message, id, routingKey: id });
  await bench.finish();
  assert.deepEqual(bench.sizes(), [1_500]);
  for (const id of names) alice.publish(`${id}-q`);
  await bench.finish();
  assert.deepEqual(bench.sizes().slice(1), [1_024, 476]);
});

Deno.test("a connection that has ended is told nothing more, and what it held goes to another", async () => {
  const bench = await Bench.make();
  const [alice, bob, other] = ["alice", "bob", "bob"].map((name) => bench.connect(name));
  bob!.send(consume);
  await bench.finish();
  other!.send(consume);
  alice!.publish("1");
  await bench.run();
  bob!.take();
  bench.engine.detach(bob!.connection);
  bench.engine.detach(bob!.connection);
  bob!.send({ kind: "stats" });
  await bench.finish();
  assert.deepEqual(bob!.take(), []);
  assert.deepEqual(other!.take(), ["subscribed", "released 1 1", "flush", "deliver 1", "flush"]);
  assert.equal(bench.failures.length, 0);
});

Deno.test("a drained connection is given more", async () => {
  const bench = await Bench.make();
  const bob = bench.connect("bob");
  const publish = {
    exchange: "x",
    routingKey: "q",
    receiver: "bob",
    body: new Uint8Array(2 ** 20),
  };
  bob.send({ kind: "publish", id: "1", ...publish }, { kind: "publish", id: "2", ...publish });
  bob.send(consume);
  await bench.finish();
  assert.deepEqual(bob.take().filter((said) => said.startsWith("deliver")), ["deliver 1"]);
  bench.engine.drained(bob.connection);
  await bench.finish();
  assert.deepEqual(bob.take(), ["deliver 2", "flush"]);
});

Deno.test("forgetting goes piece by piece, and what arrives comes between the pieces", async () => {
  const bench = await Bench.make();
  const { store } = bench;
  const alice = bench.connect("alice");
  store.pieces = 2;
  bench.engine.forget(5);
  await bench.run();
  assert.deepEqual(store.forgotten, [5]);
  alice.publish("1");
  await bench.succeed();
  assert.deepEqual([store.commits.length, store.forgotten.length], [1, 1]);
  await bench.succeed();
  assert.deepEqual(alice.take(), ["accepted 1", "released 1 1", "flush"]);
  const idle = bench.engine.idle();
  await bench.succeed();
  await bench.succeed();
  assert.deepEqual(store.forgotten, [5, 5, 5]);
  await idle;
  assert.deepEqual(bench.turns, [], "nothing is left to do");
});

Deno.test("a later moment to forget that comes during a piece is not lost", async () => {
  const bench = await Bench.make();
  bench.engine.forget(5);
  await bench.run();
  bench.engine.forget(9);
  await bench.finish();
  assert.deepEqual(bench.store.forgotten, [5, 9]);
});

Deno.test("idle waits for no more than the piece at hand once forgetting is stopped", async () => {
  const bench = await Bench.make();
  const { store } = bench;
  store.pieces = 1_000;
  bench.engine.forget(5);
  await bench.run();
  bench.engine.stopForgetting();
  const idle = bench.engine.idle();
  await bench.finish();
  await idle;
  assert.deepEqual([store.forgotten, bench.turns], [[5], []]);
});

Deno.test("idle resolves when everything that waits is answered, and at once when nothing does", async () => {
  const bench = await Bench.make();
  await bench.engine.idle();
  const alice = bench.connect("alice");
  alice.publish("1");
  let idle = false;
  const waiting = bench.engine.idle().then(() => idle = true);
  await bench.run();
  alice.publish("2");
  await bench.succeed();
  assert(!idle, "a batch waits still");
  await bench.succeed();
  await waiting;
  assert.deepEqual(alice.take().filter((said) => said.startsWith("accepted")), [
    "accepted 1",
    "accepted 2",
  ]);
});

Deno.test("the time from arrival to answer is counted for every command", async () => {
  const bench = await Bench.make();
  const alice = bench.connect("alice");
  alice.send({ kind: "reset_stats" });
  await bench.finish();
  alice.publish("1", "2");
  await bench.run();
  bench.monoMs += 30;
  await bench.succeed();
  let seconds: number | undefined;
  alice.answer = (answer) => {
    if (answer.kind === "stats") seconds = answer.report.request_times_avg_seconds;
  };
  alice.send({ kind: "stats" });
  await bench.finish();
  // The reset was answered at once: one command at 0 ms and two at 30.
  assert.equal(seconds, 0.02);
});

Deno.test("a tick ends leases, and what returns is delivered again after its commit only", async () => {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  bob.send(consume);
  alice.publish("1");
  await bench.finish();
  bob.take();
  bench.store.commits.length = 0;
  bench.monoMs += 29_999;
  bench.engine.tick();
  await bench.run();
  assert.deepEqual([bench.store.commits, bob.take()], [[], []], "nothing to do is no commit");
  bench.monoMs += 1;
  bench.engine.tick();
  await bench.run();
  const [changes] = bench.store.commits;
  assert.deepEqual(changes?.map(({ kind }) => kind), ["returned"]);
  await bench.succeed();
  assert.deepEqual(bob.take(), [], "its body is being read");
  await bench.succeed();
  assert.deepEqual(bob.take(), ["deliver 1", "flush"]);
});

Deno.test("while the disk is low publishes are refused, acks go on, and the alarm clears", async () => {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  alice.publish("1");
  bob.send(fetch);
  await bench.finish();
  bench.engine.disk(true);
  alice.publish("2");
  bob.send({ kind: "ack", id: "1" });
  await bench.finish();
  bench.engine.disk(false);
  alice.publish("2");
  await bench.finish();
  assert.deepEqual(alice.take().filter((said) => / /.test(said) && !said.startsWith("released")), [
    "accepted 1",
    "refused 2",
    "accepted 2",
  ]);
  assert(bob.take().includes("ack_confirmed 1"));
});

Deno.test("a disk that is nearly full takes nothing more, whatever else waits for its turn", async () => {
  const bench = await Bench.make();
  const alice = bench.connect("alice");
  alice.publish("1");
  await bench.run();
  alice.publish("2");
  bench.engine.tick();
  bench.engine.disk(true);
  alice.publish("3");
  await bench.finish();
  const said = alice.take().filter((line) => /^(?:accepted|refused)/.test(line));
  assert.deepEqual(said, ["accepted 1", "refused 2", "refused 3"]);
});

Deno.test("what is handed out and rejected, or deleted with its queue, in one batch is withdrawn", async () => {
  const bench = await Bench.make();
  const [alice, bob] = [bench.connect("alice"), bench.connect("bob")];
  alice.publish("1", "2");
  await bench.finish();
  bench.store.commits.length = 0;
  bob.send(fetch, { kind: "nack", id: "1", dead: true }, fetch);
  alice.send({ kind: "delete_queue", queue: "q", force: true });
  await bench.finish();
  assert.deepEqual(bench.store.commits.map((changes) => changes.map(({ kind }) => kind)), [
    ["queue_declared", "moved", "queue_deleted"],
  ]);
  assert.deepEqual(bob.take(), [
    ...["withdrawn 1", "no_messages", "nack_confirmed 1"],
    ...["withdrawn 2", "no_messages", "released 3 1", "flush"],
  ]);
  assert.equal(bench.store.reads, 0);
  bob.send({ kind: "fetch", queue: "q.dead" });
  await bench.finish();
  assert.deepEqual(bob.take(), ["deliver 1", "released 1 1", "flush"]);
});

Deno.test("after a failure ticks and the disk's alarm do nothing", async () => {
  const bench = await Bench.make();
  const alice = bench.connect("alice");
  alice.publish("1");
  await bench.run();
  await bench.failWith(new Error("no space"));
  bench.engine.tick();
  bench.engine.disk(true);
  await bench.run();
  assert.deepEqual([bench.turns, bench.failures.length, bench.store.commits.length], [[], 1, 1]);
});
