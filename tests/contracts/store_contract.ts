/**
 * The contract of {@linkcode Store} as tests. Every implementation runs them.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { QueueOptions } from "../../lib/base/queue_options.ts";
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Change } from "../../lib/core/effect.ts";
import type { MessageRef } from "../../lib/core/message.ts";
import type { Snapshot, StoredMessage } from "../../lib/core/restore.ts";
import type { Store } from "../../lib/store/store.ts";
import { bodyOf, enqueued, headOf, moved, removed, returned, StoreModel } from "./store_model.ts";

/** One disk that stores can be opened on, one after another. */
export interface StoreDisk {
  /** Opens a store; the one before is closed. */
  open(): Store | Promise<Store>;
  /** Removes the disk. */
  dispose(): void;
}

/** A snapshot with its messages. */
type Loaded = Snapshot & { readonly messages: readonly StoredMessage[] };

/** A store that can be closed and opened again. */
class Reopenable {
  readonly #disk: StoreDisk;
  store: Store;

  private constructor(disk: StoreDisk, store: Store) {
    this.#disk = disk;
    this.store = store;
  }

  static async open(disk: StoreDisk): Promise<Reopenable> {
    return new Reopenable(disk, await disk.open());
  }

  async load(): Promise<Loaded> {
    const snapshot = await this.store.load();
    const messages = (await Array.fromAsync(this.store.messages())).flat();
    return { ...snapshot, messages };
  }

  async reopen(): Promise<Loaded> {
    await this.store.close();
    this.store = await this.#disk.open();
    return await this.load();
  }

  async dispose(): Promise<void> {
    await this.store.close();
    this.#disk.dispose();
  }
}

const MINUTE_MS = 60_000;
const OPTIONS: Partial<QueueOptions> = { ackTimeoutMs: 500, expired: "remove", ttlMs: 60_000 };
const DEAD = { queue: "orders.dead", receiver: "receiver_1" };
const Q = { queue: "orders", receiver: "receiver_1" };

function storageError(error: unknown): boolean {
  return error instanceof CipherMqError && error.code === "storage";
}

async function forgetAll(store: Store, wallMs: number): Promise<void> {
  while (await store.forget(wallMs));
}

/**
 * Registers the contract's tests for the store called `name`; `disk` makes a new, empty disk. Any history
 * is tried `runs` times.
 */
export function storeContract(name: string, disk: () => StoreDisk, runs = 60): void {
  const test = (behaviour: string, run: (box: Reopenable) => Promise<void>) =>
    Deno.test(`${name} ${behaviour}`, async () => {
      const box = await Reopenable.open(disk());
      try {
        await run(box);
      } finally {
        await box.dispose();
      }
    });

  test("gives an empty snapshot of a new disk", async (box) => {
    const empty = { exchanges: [], queues: [], bindings: [], keys: [], lanes: [], messages: [] };
    assert.deepEqual(await box.load(), empty);
    assert.deepEqual(await box.reopen(), empty);
  });

  test("keeps topology, and declaring again changes nothing", async (box) => {
    await box.load();
    const changes: Change[] = [
      { kind: "exchange_declared", exchange: "ciphermq", exchangeKind: "direct" },
      { kind: "exchange_declared", exchange: "news", exchangeKind: "direct" },
      { kind: "queue_declared", queue: "Ж-queue", options: OPTIONS },
      { kind: "bound", queue: "Ж-queue", exchange: "news", routingKey: "a.b" },
      { kind: "bound", queue: "Ж-queue", exchange: "news", routingKey: "a.c" },
    ];
    await box.store.commit(changes, 1);
    await box.store.commit(changes, 2);
    const { exchanges, queues, bindings } = await box.reopen();
    assert.deepEqual(
      new Map(exchanges.map((e) => [e.exchange, e.exchangeKind])),
      new Map([["ciphermq", "direct"], ["news", "direct"]]),
    );
    assert.equal(exchanges.length, 2);
    assert.deepEqual(queues, [{ queue: "Ж-queue", options: OPTIONS }]);
    assert.deepEqual(bindings.map((b) => `${b.queue} ${b.exchange} ${b.routingKey}`).sort(), [
      "Ж-queue news a.b",
      "Ж-queue news a.c",
    ]);
  });

  test("keeps the options a queue was given last", async (box) => {
    await box.load();
    const declared = (options: Partial<QueueOptions>): Change => ({
      kind: "queue_declared",
      queue: "q",
      options,
    });
    await box.store.commit([declared(OPTIONS)], 1);
    await box.store.commit([declared({ maxDeliveries: 3 }), declared({ maxMessages: 7 })], 2);
    assert.deepEqual((await box.reopen()).queues, [{ queue: "q", options: { maxMessages: 7 } }]);
    await box.store.commit([declared({})], 3);
    assert.deepEqual((await box.reopen()).queues, [{ queue: "q", options: {} }]);
  });

  test("undoes one binding, and those of a deleted exchange or queue", async (box) => {
    await box.load();
    const bound = (kind: "bound" | "unbound", queue: string, exchange: string, key: string) =>
      ({ kind, queue, exchange, routingKey: key }) as const;
    const declared = ["q1", "q2"].flatMap((queue): Change[] => [
      { kind: "exchange_declared", exchange: `x${queue}`, exchangeKind: "topic" },
      { kind: "queue_declared", queue, options: {} },
    ]);
    const bindings = ["q1", "q2"].flatMap((queue) =>
      ["xq1", "xq2"].flatMap((x) => ["a", "b"].map((key) => bound("bound", queue, x, key)))
    );
    await box.store.commit([...declared, ...bindings], 1);
    await box.store.commit([
      bound("unbound", "q2", "xq2", "a"),
      bound("unbound", "q2", "xq2", "never"),
      { kind: "exchange_deleted", exchange: "xq1" },
      { kind: "queue_deleted", queue: "q1" },
      { kind: "exchange_deleted", exchange: "never" },
      { kind: "queue_deleted", queue: "never" },
    ], 2);
    const after = await box.reopen();
    assert.deepEqual(after.exchanges, [{ exchange: "xq2", exchangeKind: "topic" }]);
    assert.deepEqual(after.queues, [{ queue: "q2", options: {} }]);
    assert.deepEqual(after.bindings, [{ queue: "q2", exchange: "xq2", routingKey: "b" }]);
    await box.store.commit(
      [{ kind: "exchange_declared", exchange: "xq1", exchangeKind: "fanout" }],
      3,
    );
    const { exchanges } = await box.reopen();
    assert.deepEqual(exchanges.find((e) => e.exchange === "xq1")?.exchangeKind, "fanout");
  });

  test("keeps the last key of each client", async (box) => {
    await box.load();
    const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    await box.store.commit([
      { kind: "key_registered", client: "a", key: first },
      { kind: "key_registered", client: "b", key: first },
      { kind: "key_registered", client: "a", key: second },
    ], 1);
    const { keys } = await box.reopen();
    assert.deepEqual(
      new Map(keys.map((k) => [k.client, k.key])),
      new Map([["a", second], ["b", first]]),
    );
  });

  test("keeps messages with their heads, in order, and gives their bodies byte for byte", async (box) => {
    await box.load();
    const sizes = [0, 1, 600, 1024 * 1024, 0, 130 * 1024, 128 * 1024, 3, 1024 * 1024];
    const changes = sizes.map((size, seq) => enqueued(Q, seq, size));
    await box.store.commit(changes.slice(0, 4), 1000);
    await box.store.commit(changes.slice(4), 2000);
    const expected = changes.map((change) => change.body);
    const refs = changes.map((change): MessageRef => ({ ...Q, seq: change.message.seq }));
    assert.deepEqual(await box.store.read(refs), expected);
    const { messages, lanes } = await box.reopen();
    assert.deepEqual(
      messages,
      changes.map(({ message }) => ({
        message,
        acceptedMs: message.seq < 4 ? 1000 : 2000,
        deliveries: 0,
      })),
    );
    assert.deepEqual(lanes, [{ ...Q, nextSeq: sizes.length }]);
    assert.deepEqual(await box.store.read([...refs].reverse()), [...expected].reverse());
  });

  test("keeps its own copy of a body", async (box) => {
    await box.load();
    const body = new Uint8Array([1, 2, 3]);
    await box.store.commit([{ ...enqueued(Q, 0, 3), body }], 1);
    body.fill(9);
    assert.deepEqual(await box.store.read([{ ...Q, seq: 0 }]), [new Uint8Array([1, 2, 3])]);
  });

  test("does not offer removed messages again, and remembers them until they are forgotten", async (box) => {
    await box.load();
    await box.store.commit([0, 1, 2].map((seq) => enqueued(Q, seq, 10)), MINUTE_MS);
    await box.store.commit([removed(Q, 1), removed(Q, 0)], 2 * MINUTE_MS);
    assert.deepEqual((await box.reopen()).messages.map((m) => m.gone), [
      "removed",
      "removed",
      undefined,
    ]);
    await box.store.commit([removed(Q, 2)], 3 * MINUTE_MS);
    await forgetAll(box.store, MINUTE_MS);
    assert.deepEqual((await box.reopen()).messages.map((m) => m.message.id), [
      "id-0",
      "id-1",
      "id-2",
    ]);
    await forgetAll(box.store, MINUTE_MS + 1);
    assert.deepEqual((await box.reopen()).messages, []);
  });

  test("forgets nothing that is still queued, however old, and all of it afterwards", async (box) => {
    await box.load();
    for (let seq = 0; seq < 5; seq++) await box.store.commit([enqueued(Q, seq, 10)], seq);
    await box.store.commit([removed(Q, 0), removed(Q, 1), removed(Q, 3)], 10);
    await forgetAll(box.store, 100);
    await box.store.commit([returned(Q, 2, 1)], 101);
    const { messages } = await box.reopen();
    const queued = messages.filter((m) => m.gone === undefined).map((m) => m.message.seq);
    assert.deepEqual(queued, [2, 4]);
    assert.deepEqual(await box.store.read([{ ...Q, seq: 2 }]), [bodyOf(Q, 2, 10)]);
    await forgetAll(box.store, 100);
    await box.store.commit([removed(Q, 2), removed(Q, 4)], 102);
    await forgetAll(box.store, 100);
    assert.deepEqual((await box.reopen()).messages, []);
  });

  test("forgets many messages piece by piece", async (box) => {
    await box.load();
    const count = 2_500;
    for (let seq = 0; seq < count; seq++) await box.store.commit([enqueued(Q, seq, 1)], seq);
    await box.store.commit(Array.from({ length: count }, (_, seq) => removed(Q, seq)), count);
    let calls = 1;
    while (await box.store.forget(count)) calls++;
    assert.ok(calls > 1, "a call forgets a bounded piece");
    const { messages, lanes } = await box.reopen();
    assert.deepEqual(messages, []);
    assert.deepEqual(lanes, [{ ...Q, nextSeq: count }]);
  });

  test("never gives a place in a lane twice, also when all is removed and forgotten", async (box) => {
    await box.load();
    await box.store.commit([0, 1, 2].map((seq) => enqueued(Q, seq, 10)), 1);
    await box.store.commit([2, 0, 1].map((seq) => removed(Q, seq)), 2);
    await forgetAll(box.store, 100);
    await box.reopen();
    const { lanes } = await box.reopen();
    assert.deepEqual(lanes, [{ ...Q, nextSeq: 3 }]);
    await box.store.commit([enqueued(Q, 3, 10)], 3);
    assert.deepEqual((await box.reopen()).messages.map((m) => m.message.seq), [3]);
  });

  test("keeps how often a delivery came back, until the message is removed", async (box) => {
    await box.load();
    await box.store.commit([0, 1, 2, 3].map((seq) => enqueued(Q, seq, 10)), 1);
    await box.store.commit([returned(Q, 1, 1), returned(Q, 2, 1)], 2);
    await box.store.commit([returned(Q, 2, 2), returned(Q, 3, 300)], 3);
    assert.deepEqual((await box.reopen()).messages.map((m) => m.deliveries), [0, 1, 2, 300]);
    await box.store.commit([removed(Q, 2), removed(Q, 0)], 4);
    const { messages } = await box.reopen();
    assert.deepEqual(messages.map((m) => m.gone), ["removed", undefined, "removed", undefined]);
    assert.deepEqual(messages.filter((m) => m.gone === undefined).map((m) => m.deliveries), [
      1,
      300,
    ]);
  });

  test("keeps lanes of queues and receivers apart", async (box) => {
    await box.load();
    const lanes = ["q1", "q2"].flatMap((queue) =>
      ["r1", "r2", "r3"].map((receiver) => ({ queue, receiver }))
    );
    await box.store.commit(
      lanes.flatMap((lane) => [0, 1].map((seq) => enqueued(lane, seq, 50))),
      1,
    );
    await box.store.commit([removed(lanes[4]!, 0), returned(lanes[1]!, 1, 7)], 2);
    const { messages } = await box.reopen();
    assert.equal(messages.length, 12);
    for (const { message, gone, deliveries } of messages) {
      const { queue, receiver, seq } = message;
      assert.equal(gone === "removed", queue === "q2" && receiver === "r2" && seq === 0);
      assert.equal(deliveries, queue === "q1" && receiver === "r2" && seq === 1 ? 7 : 0);
    }
    const refs = lanes.map((lane) => ({ ...lane, seq: 1 }));
    assert.deepEqual(await box.store.read(refs), lanes.map((lane) => bodyOf(lane, 1, 50)));
  });

  test("takes a message that is enqueued, returned and removed in one commit", async (box) => {
    await box.load();
    await box.store.commit(
      [enqueued(Q, 0, 5), returned(Q, 0, 1), removed(Q, 0), enqueued(Q, 1, 5)],
      1,
    );
    assert.deepEqual((await box.reopen()).messages.map((m) => m.gone), ["removed", undefined]);
    assert.deepEqual(await box.store.read([{ ...Q, seq: 1 }]), [bodyOf(Q, 1, 5)]);
  });

  test("moves messages with their bodies to other lanes, and remembers where they came from", async (box) => {
    await box.load();
    const sizes = [10, 70_000, 0, 70_000, 5];
    const heads = sizes.map((size, seq) => headOf(Q, seq, size));
    await box.store.commit(sizes.map((size, seq) => enqueued(Q, seq, size)), 1);
    const first = moved(heads[3]!, DEAD, 0);
    const second = moved(heads[0]!, DEAD, 1);
    await box.store.commit([returned(Q, 3, 2), first, removed(Q, 1), second], 2);
    const { messages, lanes } = await box.reopen();
    assert.deepEqual(messages.map((m) => [m.message.queue, m.gone, m.acceptedMs]), [
      ["orders", "moved", 1],
      ["orders", "removed", 1],
      ["orders", undefined, 1],
      ["orders", "moved", 1],
      ["orders", undefined, 1],
      ["orders.dead", undefined, 2],
      ["orders.dead", undefined, 2],
    ]);
    assert.deepEqual(messages.map((m) => m.message), [...heads, first.message, second.message]);
    assert.deepEqual(lanes, [{ ...Q, nextSeq: 5 }, { ...DEAD, nextSeq: 2 }]);
    const bodies = await box.store.read([{ ...DEAD, seq: 0 }, { ...DEAD, seq: 1 }]);
    assert.deepEqual(bodies, [bodyOf(Q, 3, 70_000), bodyOf(Q, 0, 10)]);
  });

  test("moves a message back, and on within its lane, and forgets each place in its time", async (box) => {
    await box.load();
    const head = headOf(Q, 0, 10);
    await box.store.commit([enqueued(Q, 0, 10)], 1);
    const there = moved(head, DEAD, 0);
    await box.store.commit([there], 2);
    const back = moved(there.message, Q, 1);
    await box.store.commit([back], 3);
    await box.store.commit([moved(back.message, Q, 2)], 4);
    const places = async () =>
      (await box.reopen()).messages.map((m) => [m.message.queue, m.message.seq, m.gone]);
    const last = ["orders", 2, undefined];
    assert.deepEqual(await places(), [
      ["orders", 0, "moved"],
      ["orders.dead", 0, "moved"],
      ["orders", 1, "moved"],
      last,
    ]);
    await forgetAll(box.store, 3);
    assert.deepEqual(await places(), [["orders", 1, "moved"], last]);
    await forgetAll(box.store, 100);
    assert.deepEqual(await places(), [last]);
    assert.deepEqual(await box.store.read([{ ...Q, seq: 2 }]), [bodyOf(Q, 0, 10)]);
  });

  test("forgets that a message moved with the message itself", async (box) => {
    await box.load();
    await box.store.commit([enqueued(Q, 0, 10), moved(headOf(Q, 0, 10), DEAD, 0)], 1);
    await box.store.commit([removed(DEAD, 0)], 2);
    await forgetAll(box.store, 100);
    assert.deepEqual((await box.reopen()).messages, []);
    const other = { ...Q, receiver: "receiver_2" };
    const third = { ...Q, receiver: "receiver_3" };
    await box.store.commit([other, third].map((lane) => enqueued(lane, 0, 10)), 3);
    await box.store.commit([removed(other, 0), moved(headOf(third, 0, 10), DEAD, 1)], 4);
    const { messages } = await box.reopen();
    assert.deepEqual(messages.map((m) => m.gone), ["removed", "moved", undefined]);
  });

  test("moves what the same commit enqueued or moved", async (box) => {
    await box.load();
    const one = moved(headOf(Q, 1, 30), DEAD, 0);
    const two = moved(one.message, { queue: "third", receiver: "r" }, 0);
    await box.store.commit([enqueued(Q, 0, 20), enqueued(Q, 1, 30), one, two], 1);
    const { messages } = await box.reopen();
    const found = messages.map((m) => `${m.message.queue} ${m.message.seq} ${m.gone ?? "queued"}`);
    assert.deepEqual(found, [
      "orders 0 queued",
      "orders 1 moved",
      "orders.dead 0 moved",
      "third 0 queued",
    ]);
    const refs = [{ queue: "third", receiver: "r", seq: 0 }, { ...Q, seq: 0 }];
    assert.deepEqual(await box.store.read(refs), [bodyOf(Q, 1, 30), bodyOf(Q, 0, 20)]);
  });

  test("moves thousands of messages in any order in one commit", async (box) => {
    await box.load();
    const count = 3_000;
    const seqs = Array.from({ length: count }, (_, i) => i);
    await box.store.commit(seqs.map((seq) => enqueued(Q, seq, 100)), 1);
    const order = seqs.map((i) => (i * 1_009) % count);
    await box.store.commit(order.map((seq, i) => moved(headOf(Q, seq, 100), DEAD, i)), 2);
    const { messages } = await box.reopen();
    assert.deepEqual(messages.slice(0, count).map((m) => m.gone), seqs.map(() => "moved"));
    assert.deepEqual(messages.slice(count).map((m) => m.message.id), order.map((i) => `id-${i}`));
    const bodies = await box.store.read(seqs.map((seq) => ({ ...DEAD, seq })));
    // One by one: a difference of thousands at once would take a machine's memory to print.
    for (const [i, seq] of order.entries()) assert.deepEqual(bodies[i], bodyOf(Q, seq, 100));
  });

  test("removes the messages of a deleted queue, and goes on with its places when it is declared again", async (box) => {
    await box.load();
    const other = { ...Q, receiver: "receiver_2" };
    const kept = { ...Q, queue: "orders2" };
    await box.store.commit([
      { kind: "queue_declared", queue: Q.queue, options: OPTIONS },
      ...[0, 1, 2].map((seq) => enqueued(Q, seq, 10)),
      ...[other, kept].map((lane) => enqueued(lane, 0, 10)),
    ], 1);
    await box.store.commit([returned(Q, 1, 4), moved(headOf(Q, 2, 10), DEAD, 0)], 2);
    const deleted: Change = { kind: "queue_deleted", queue: Q.queue };
    const again: Change = { kind: "queue_declared", queue: Q.queue, options: {} };
    await box.store.commit([enqueued(Q, 3, 10), deleted, again, enqueued(Q, 4, 10)], 3);
    const { queues, lanes, messages } = await box.reopen();
    assert.deepEqual(queues, [{ queue: Q.queue, options: {} }]);
    assert.deepEqual(
      new Map(lanes.map((l) => [`${l.queue} ${l.receiver}`, l.nextSeq])).get("orders receiver_1"),
      5,
    );
    const ofQueue = messages.filter((m) => m.message.queue === Q.queue);
    assert.deepEqual(ofQueue.map((m) => `${m.message.receiver} ${m.message.seq} ${m.gone}`), [
      "receiver_1 0 removed",
      "receiver_1 1 removed",
      "receiver_1 2 moved",
      "receiver_2 0 removed",
      "receiver_1 3 removed",
      "receiver_1 4 undefined",
    ]);
    const refs = [{ ...Q, seq: 4 }, { ...kept, seq: 0 }, { ...DEAD, seq: 0 }];
    const bodies = [bodyOf(Q, 4, 10), bodyOf(kept, 0, 10), bodyOf(Q, 2, 10)];
    assert.deepEqual(await box.store.read(refs), bodies);
    await box.store.commit([deleted], 4);
    await forgetAll(box.store, 100);
    const end = await box.reopen();
    assert.deepEqual(end.queues, []);
    assert.deepEqual(end.messages.map((m) => m.message.queue), ["orders2", "orders.dead"]);
    assert.equal(end.lanes.length, 4);
    await box.store.commit([enqueued(Q, 5, 10), enqueued(other, 1, 10)], 5);
  });

  const contradictions: [what: string, changes: Change | Change[]][] = [
    ["a message that skips a place", enqueued(Q, 3, 1)],
    ["a message in a place that is used", enqueued(Q, 1, 1)],
    ["a removal of a message that never was", removed(Q, 2)],
    ["a removal in a lane that never was", removed({ queue: "other", receiver: "r" }, 0)],
    ["a second removal", removed(Q, 0)],
    ["a return of a removed message", returned(Q, 0, 1)],
    ["a count of deliveries below one", returned(Q, 1, 0)],
    ["a move of a removed message", moved(headOf(Q, 0, 1), DEAD, 0)],
    ["a move of a message that never was", moved(headOf(DEAD, 0, 1), Q, 2)],
    ["a move to a place that is used", moved(headOf(Q, 1, 1), Q, 1)],
    ["a removal from a deleted queue", [{ kind: "queue_deleted", queue: Q.queue }, removed(Q, 1)]],
    ["a used place of a deleted queue", [
      { kind: "queue_deleted", queue: Q.queue },
      enqueued(Q, 0, 1),
    ]],
    ["a removal of what was moved away", [moved(headOf(Q, 1, 1), DEAD, 0), removed(Q, 1)]],
  ];
  for (const [what, changes] of contradictions) {
    test(`refuses ${what}, with the whole commit, and then every call`, async (box) => {
      await box.load();
      await box.store.commit([enqueued(Q, 0, 1), enqueued(Q, 1, 1), removed(Q, 0)], 1);
      const before = await box.reopen();
      const fresh = { queue: "fresh", receiver: "r" };
      const declared: Change = { kind: "queue_declared", queue: "fresh", options: {} };
      const commit = box.store.commit([declared, enqueued(fresh, 0, 1), ...[changes].flat()], 2);
      await assert.rejects(commit, storageError);
      await assert.rejects(box.store.commit([], 3), storageError);
      await assert.rejects(box.store.read([]), storageError);
      await assert.rejects(box.store.forget(3), storageError);
      assert.deepEqual(await box.reopen(), before);
    });
  }

  test("rejects to read a message that is not there, and then every call", async (box) => {
    await box.load();
    await box.store.commit([enqueued(Q, 0, 1), enqueued(Q, 1, 1), removed(Q, 0)], 1);
    for (
      const ref of [{ ...Q, seq: 0 }, { ...Q, seq: 2 }, { queue: "no", receiver: "r", seq: 0 }]
    ) {
      await assert.rejects(box.store.read([{ ...Q, seq: 1 }, ref]), storageError);
      await assert.rejects(box.store.read([{ ...Q, seq: 1 }]), storageError);
      await box.reopen();
    }
  });

  test("rejects every call after it is closed, and can be closed twice", async (box) => {
    await box.load();
    await box.store.close();
    await box.store.close();
    await assert.rejects(box.store.commit([], 1), storageError);
    await assert.rejects(box.store.load(), storageError);
  });

  Deno.test(`${name} agrees with a naive model over random histories`, async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("enqueue"),
          lane: fc.nat(2),
          pick: fc.constantFrom(0, 1, 20, 70_000),
        }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constantFrom("remove", "return"),
          lane: fc.nat(4),
          pick: fc.nat(1000),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant("move"), lane: fc.nat(4), pick: fc.nat(1000) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom("commit", "reopen", "read", "forget", "delete"),
          lane: fc.nat(4),
          pick: fc.nat(20),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const box = await Reopenable.open(disk());
        const model = new StoreModel();
        try {
          await box.load();
          for (const { do: action, lane, pick } of steps) {
            if (action === "enqueue") model.enqueue(lane, pick);
            else if (action === "remove") model.remove(lane, pick);
            else if (action === "return") model.return(lane, pick);
            else if (action === "move") model.move(lane, pick);
            else if (action === "delete") model.delete(lane);
            else {
              const { changes, wallMs } = model.take();
              await box.store.commit(changes, wallMs);
            }
            if (action === "reopen") {
              const { messages, ...snapshot } = await box.reopen();
              model.check(snapshot, messages);
            }
            if (action === "forget") await forgetAll(box.store, model.forget(pick));
            if (action === "read") {
              const refs = model.queued();
              assert.deepEqual(await box.store.read(refs), refs.map(({ body }) => body));
            }
          }
        } finally {
          await box.dispose();
        }
      }),
      { numRuns: runs },
    );
  });
}
