/**
 * A database as a broker leaves it, and all that a broker would do with one.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import type { Change } from "../../lib/core/effect.ts";
import type { MessageHead, MessageRef } from "../../lib/core/message.ts";
import type { StoredMessage } from "../../lib/core/restore.ts";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { enqueued, headOf, moved, removed, returned } from "../contracts/store_model.ts";

/** The AES key of a database. */
export interface Keyed {
  readonly path: string;
  readonly aesKey: Uint8Array;
}

const LANES = ["orders", "news"].flatMap((queue) =>
  ["receiver_1", "receiver_2"].map((receiver) => ({ queue, receiver }))
);
const SIZES = [300, 700, 40, 2_000, 0, 25_000];
const ROUNDS = 12;

const TOPOLOGY: readonly Change[] = [
  { kind: "exchange_declared", exchange: "ciphermq", exchangeKind: "direct" },
  { kind: "exchange_declared", exchange: "events", exchangeKind: "topic" },
  ...["orders", "news", "orders.dead"].flatMap((queue, i): Change[] => [
    { kind: "queue_declared", queue, options: i === 0 ? { maxDeliveries: 3, ttlMs: 9_000 } : {} },
    { kind: "bound", queue, exchange: "ciphermq", routingKey: queue },
    { kind: "bound", queue, exchange: "events", routingKey: `${queue}.#` },
  ]),
  ...["receiver_1", "receiver_2"].map((client, i): Change => ({
    kind: "key_registered",
    client,
    key: new Uint8Array(32).fill(i + 1),
  })),
];

/** The changes of one round: messages come, most go, some come back, some die. */
function round(number: number, dead: number): Change[] {
  const first = number * SIZES.length;
  return LANES.flatMap((lane, i): Change[] => {
    const coming = SIZES.map((size, at) => enqueued(lane, first + at, size));
    if (number === 0) return coming;
    const before = first - SIZES.length;
    const death = moved(
      headOf(lane, before + 3, SIZES[3]!),
      { queue: `${lane.queue}.dead`, receiver: lane.receiver },
      dead,
    );
    return [
      ...coming,
      removed(lane, before),
      removed(lane, before + 1),
      returned(lane, before + 2, number),
      ...(i < 2 ? [death] : []),
      ...(number % 3 === 0 ? [removed(lane, before + 5)] : []),
    ];
  });
}

async function opened(at: Keyed): Promise<SqliteStore> {
  return await SqliteStore.open({ ...at, cacheBytes: 50_000 }, LocalDatabase.open);
}

async function readAll(store: SqliteStore): Promise<StoredMessage[]> {
  const all: StoredMessage[] = [];
  for await (const piece of store.messages()) all.push(...piece);
  return all;
}

/**
 * Makes a database whose first half is in the file and whose second half is in the log, as after a kill.
 * Calls `copy` for each state that the log can give: before its first commit and after each of them.
 */
export async function makeDatabase(at: Keyed, copy: () => void): Promise<void> {
  for (const [from, to] of [[0, ROUNDS / 2], [ROUNDS / 2, ROUNDS]] as const) {
    const store = await opened(at);
    await store.load();
    await readAll(store);
    if (from === 0) await store.commit(TOPOLOGY, 1);
    for (let i = from; i < to; i++) {
      if (to === ROUNDS) copy();
      await store.commit(round(i, i - 1), i + 2);
    }
    if (to === ROUNDS) copy();
    await store.close();
  }
}

/** What a broker knows and hands out: two of these are equal when it serves the same. */
export interface Service {
  /** Exchanges, queues, bindings, keys and the ends of lanes. */
  readonly rest: string;
  /** Every remembered and queued message. */
  readonly messages: ReadonlyMap<string, string>;
  /** The bodies of the queued ones, as their checksums. */
  readonly bodies: ReadonlyMap<string, number>;
}

function placeOf({ queue, receiver, seq }: MessageRef): string {
  return `${queue} ${receiver} ${seq}`;
}

function headText({ message, ...stored }: StoredMessage): string {
  return JSON.stringify([message, stored]);
}

async function bodiesOf(store: SqliteStore, heads: readonly MessageHead[]) {
  const bodies = new Map<string, number>();
  for (const head of heads) {
    const [body] = await store.read([head]);
    bodies.set(placeOf(head), crc32(body!));
  }
  return bodies;
}

/** Starts on a database, reads everything, goes on for one commit, and stops. */
export async function serve(at: Keyed): Promise<Service> {
  const store = await opened(at);
  try {
    const { keys, ...snapshot } = await store.load();
    const rest = JSON.stringify([snapshot, keys.map((key) => [key.client, [...key.key]])]);
    const stored = await readAll(store);
    const queued = stored.filter(({ gone }) => gone === undefined).map(({ message }) => message);
    const bodies = await bodiesOf(store, queued);
    const messages = new Map(stored.map((one) => [placeOf(one.message), headText(one)]));
    await step(store, snapshot.lanes, queued);
    return { rest, messages, bodies };
  } finally {
    await store.close();
  }
}

/** One more message comes and the oldest one goes. */
async function step(
  store: SqliteStore,
  lanes: readonly { queue: string; receiver: string; nextSeq: number }[],
  [oldest]: readonly MessageHead[],
): Promise<void> {
  const [lane] = lanes;
  if (lane === undefined || oldest === undefined) return;
  const coming = enqueued(lane, lane.nextSeq, 100);
  await store.commit([coming, removed(oldest, oldest.seq)], 1_000);
  const [body] = await store.read([coming.message]);
  if (crc32(body!) !== crc32(coming.body)) throw new Error("what was just stored is other bytes");
}
