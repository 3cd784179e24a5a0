/**
 * The contract of {@linkcode Store} as tests. Every implementation runs them.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Change } from "../../lib/core/effect.ts";
import type { MessageRef } from "../../lib/core/message.ts";
import type { Snapshot, StoredMessage } from "../../lib/core/restore.ts";
import type { Store } from "../../lib/store/store.ts";
import { bodyOf, enqueued, removed, returned, StoreModel } from "./store_model.ts";

/** One disk that stores can be opened on, one after another. */
export interface StoreDisk {
  /** Opens a store; the one before is closed. */
  open(): Store;
  /** Removes the disk. */
  dispose(): void;
}

/** A snapshot with its messages read. */
type Loaded = Omit<Snapshot, "messages"> & { readonly messages: readonly StoredMessage[] };

/** A store that can be closed and opened again. */
class Reopenable {
  readonly #disk: StoreDisk;
  store: Store;

  constructor(disk: StoreDisk) {
    this.#disk = disk;
    this.store = disk.open();
  }

  async load(): Promise<Loaded> {
    const snapshot = await this.store.load();
    return { ...snapshot, messages: [...snapshot.messages] };
  }

  async reopen(): Promise<Loaded> {
    await this.store.close();
    this.store = this.#disk.open();
    return await this.load();
  }

  async dispose(): Promise<void> {
    await this.store.close();
    this.#disk.dispose();
  }
}

const MINUTE_MS = 60_000;
const Q = { queue: "orders", receiver: "receiver_1" };

function storageError(error: unknown): boolean {
  return error instanceof CipherMqError && error.code === "storage";
}

async function forgetAll(store: Store, wallMs: number): Promise<void> {
  while (await store.forget(wallMs));
}

/** Registers the contract's tests for the store called `name`; `disk` makes a new, empty disk. */
export function storeContract(name: string, disk: () => StoreDisk): void {
  const test = (behaviour: string, run: (box: Reopenable) => Promise<void>) =>
    Deno.test(`${name} ${behaviour}`, async () => {
      const box = new Reopenable(disk());
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
      { kind: "queue_declared", queue: "Ж-queue" },
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
    assert.deepEqual(queues, ["Ж-queue"]);
    assert.deepEqual(bindings.map((b) => `${b.queue} ${b.exchange} ${b.routingKey}`).sort(), [
      "Ж-queue news a.b",
      "Ж-queue news a.c",
    ]);
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
        removed: false,
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
    assert.deepEqual((await box.reopen()).messages.map((m) => m.removed), [true, true, false]);
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
    const queued = messages.filter((m) => !m.removed).map((m) => m.message.seq);
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
    assert.deepEqual(messages.map((m) => m.removed), [true, false, true, false]);
    assert.deepEqual(messages.filter((m) => !m.removed).map((m) => m.deliveries), [1, 300]);
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
    for (const { message, removed, deliveries } of messages) {
      const { queue, receiver, seq } = message;
      assert.equal(removed, queue === "q2" && receiver === "r2" && seq === 0);
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
    assert.deepEqual((await box.reopen()).messages.map((m) => m.removed), [true, false]);
    assert.deepEqual(await box.store.read([{ ...Q, seq: 1 }]), [bodyOf(Q, 1, 5)]);
  });

  const contradictions: [what: string, change: Change][] = [
    ["a message that skips a place", enqueued(Q, 3, 1)],
    ["a message in a place that is used", enqueued(Q, 1, 1)],
    ["a removal of a message that never was", removed(Q, 2)],
    ["a removal in a lane that never was", removed({ queue: "other", receiver: "r" }, 0)],
    ["a second removal", removed(Q, 0)],
    ["a return of a removed message", returned(Q, 0, 1)],
    ["a count of deliveries below one", returned(Q, 1, 0)],
  ];
  for (const [what, change] of contradictions) {
    test(`refuses ${what}, with the whole commit, and then every call`, async (box) => {
      await box.load();
      await box.store.commit([enqueued(Q, 0, 1), enqueued(Q, 1, 1), removed(Q, 0)], 1);
      const before = await box.reopen();
      const fresh = { queue: "fresh", receiver: "r" };
      const commit = box.store.commit(
        [{ kind: "queue_declared", queue: "fresh" }, enqueued(fresh, 0, 1), change],
        2,
      );
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
          lane: fc.nat(2),
          pick: fc.nat(1000),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom("commit", "reopen", "read", "forget"),
          lane: fc.nat(2),
          pick: fc.nat(20),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const box = new Reopenable(disk());
        const model = new StoreModel();
        try {
          await box.load();
          for (const { do: action, lane, pick } of steps) {
            if (action === "enqueue") model.enqueue(lane, pick);
            else if (action === "remove") model.remove(lane, pick);
            else if (action === "return") model.return(lane, pick);
            else {
              const { changes, wallMs } = model.take();
              await box.store.commit(changes, wallMs);
            }
            if (action === "reopen") model.check(await box.reopen());
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
      { numRuns: 60 },
    );
  });
}
