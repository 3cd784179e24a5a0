/**
 * The running broker in this process, over real TLS and on a real database: it starts in order,
 * stops in time with everything answered, and fails without a word to anybody.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AssertionError } from "../../lib/base/assert.ts";
import { CipherMqError } from "../../lib/base/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { BrokerServer } from "../../lib/server/server.ts";
import {
  makeCertificate,
  makeServerCertificate,
  makeTestAuthority,
} from "../support/certificates.ts";
import {
  consume,
  declareQueues,
  drain,
  messageId,
  publish,
  publishBatch,
  queued,
} from "../support/commands.ts";
import { RawClient } from "../support/raw_client.ts";

const authority = await makeTestAuthority();
const server = await makeServerCertificate(authority);
const certificates = {
  sender_1: await makeCertificate(authority, { subject: "sender_1" }),
  receiver_1: await makeCertificate(authority, { subject: "receiver_1" }),
};

/** What stopping may take at most, whatever clients do. */
const STOP_WITHIN_MS = 5000;

/** A folder for a database, with the brokers and clients that use it. All ends with its scope. */
class Place implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly database = join(this.#folder, "broker.db");
  readonly #brokers: BrokerServer[] = [];
  readonly #clients: RawClient[] = [];

  options(limits: Partial<Limits> = {}): ServerOptions {
    return {
      host: "127.0.0.1",
      port: 0,
      certificate: server.cert,
      privateKey: server.key,
      authorities: authority.certificatePem,
      minTlsVersion: "TLSv1.3",
      databasePath: this.database,
      aesKey: new Uint8Array(32).fill(3),
      limits: { ...DEFAULT_LIMITS, ...limits },
    };
  }

  async start(limits: Partial<Limits> = {}): Promise<BrokerServer> {
    const broker = await BrokerServer.start(this.options(limits));
    this.#brokers.push(broker);
    return broker;
  }

  async connect(
    broker: BrokerServer,
    name: keyof typeof certificates = "sender_1",
  ): Promise<RawClient> {
    const { port } = broker.address;
    const client = await RawClient.connect(port, authority.certificatePem, certificates[name]);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const broker of this.#brokers) await broker.stop();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did what it should refuse");
}

/** Whether a promise has settled by now. */
function settled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Promise.resolve(false)]);
}

/** Long enough for the event loop to see what has happened, and what must not happen. */
async function aWhile(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function timed(work: Promise<unknown>): Promise<number> {
  const beginMs = performance.now();
  await work;
  return performance.now() - beginMs;
}

Deno.test("a broker takes a free port, serves, and leaves port and database when it stops", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const { host, port } = broker.address;
  assert.equal(host, "127.0.0.1");
  assert(port > 0);
  const client = await place.connect(broker);
  await declareQueues(client, "receiver_1");
  assert.equal(await client.ask(publish("m-1").trimEnd()), "ACK m-1");
  const locked = await rejection(place.start());
  assert(locked instanceof CipherMqError && locked.code === "storage", String(locked));

  const tookMs = await timed(broker.stop());
  assert(tookMs < 2000, `it took ${tookMs} ms with a client that hears it`);
  assert.equal(await client.line(), undefined);
  await assert.rejects(Deno.connect({ hostname: host, port }), Deno.errors.ConnectionRefused);
  assert(!await settled(broker.failure));
  assert(!Deno.readDirSync(join(place.database, "..")).some(({ name }) => name.endsWith("-wal")));

  const again = await place.start();
  assert.equal(await queued(await place.connect(again)), 1);
});

/** Holds back the turns of a broker, so that what was taken waits until the test goes on. */
class HeldTurns implements Disposable {
  readonly #original = globalThis.setImmediate;
  readonly #held: (() => void)[] = [];
  #came = Promise.withResolvers<void>();

  constructor() {
    globalThis.setImmediate = ((turn: () => void) => {
      this.#held.push(turn);
      this.#came.resolve();
    }) as typeof setImmediate;
  }

  /** Resolves when there is something for the broker to do. */
  get next(): Promise<void> {
    return this.#came.promise;
  }

  /** Lets what has been held go on, and all that follows. */
  [Symbol.dispose](): void {
    globalThis.setImmediate = this.#original;
    for (const turn of this.#held.splice(0)) turn();
  }
}

Deno.test("a broker that stops answers what it has taken, and takes nothing that comes later", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const client = await place.connect(broker);
  await declareQueues(client, "receiver_1");
  let stopped: Promise<void>;
  {
    using turns = new HeldTurns();
    await client.write(publish("taken"));
    await turns.next;
    stopped = broker.stop();
    await client.write(publish("late"));
    await aWhile();
  }
  await stopped;
  assert.equal(await client.rest(), "ACK taken\n");
  const again = await place.start();
  assert.deepEqual(await drain(await place.connect(again, "receiver_1")), ["taken"]);
});

Deno.test("what clients held when the broker stopped waits again, with its deliveries counted", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const client = await place.connect(broker, "receiver_1");
  await declareQueues(client, "receiver_1");
  await client.write(publishBatch(["m-0", "m-1"]));
  await client.lines(2);
  await consume(client);
  assert.deepEqual((await client.lines(2)).map(messageId), ["m-0", "m-1"]);
  let stopped: Promise<void>;
  {
    using turns = new HeldTurns();
    stopped = broker.stop();
    await turns.next;
    await aWhile();
    assert(!await settled(stopped), "the leases are still to be returned");
  }
  await stopped;
  assert(!await settled(broker.failure));
  const db = new DatabaseSync(place.database);
  const lane = db.prepare("SELECT floor, marks FROM lane").get() as Record<string, unknown>;
  db.close();
  assert.deepEqual({ ...lane }, { floor: 0, marks: "[[0,1,1]]" });
});

Deno.test("a broker that stops under load has answered all that it stored", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const client = await place.connect(broker);
  await declareQueues(client, "receiver_1");
  const ids = Array.from({ length: 20_000 }, (_, i) => `m-${i}`);
  const writing = client.write(ids.map((id) => publish(id)).join("")).catch(() => {});
  const first = await client.line();
  const tookMs = await timed(broker.stop());
  await writing;
  const rest = (await client.rest()).split("\n").slice(0, -1);
  const acked = [first, ...rest].map((line) => line?.replace(/^ACK /, ""));
  assert(acked.length < ids.length, "it stopped while there was more to take");
  assert(tookMs < STOP_WITHIN_MS, `it took ${tookMs} ms`);

  const again = await place.start();
  assert.deepEqual(await drain(await place.connect(again, "receiver_1")), acked);
});

Deno.test("clients that never read, and connections without a handshake, do not hold up the end", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const reader = await place.connect(broker, "receiver_1");
  await declareQueues(reader, "receiver_1");
  const idle = await place.connect(broker);
  const stuck = await place.connect(broker, "receiver_1");
  await stuck.write("consume receiver_1\n");
  const publishing = await place.connect(broker);
  const big = { bytes: 500_000 };
  for (let batch = 0; batch < 8; batch++) {
    const ids = Array.from({ length: 4 }, (_, i) => `m-${batch * 4 + i}`);
    await publishing.write(publishBatch(ids, big));
    assert.deepEqual(await publishing.lines(4), ids.map((id) => `ACK ${id}`));
  }
  const flooding = stuck.write("stats\n".repeat(1_000_000)).catch(() => {});
  const silent = connectTcp(broker.address.port, "127.0.0.1");
  silent.on("error", () => {});
  await once(silent, "connect");
  assert.equal(await idle.ask("heartbeat"), "HEARTBEAT_OK");

  const tookMs = await timed(broker.stop());
  assert(tookMs < STOP_WITHIN_MS, `it took ${tookMs} ms`);
  assert.equal(await idle.line(), undefined);
  await flooding;
  silent.destroy();
});

Deno.test("stopping twice, also at once, is stopping once", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const client = await place.connect(broker);
  assert.equal(await client.ask("heartbeat"), "HEARTBEAT_OK");
  await Promise.all([broker.stop(), broker.stop()]);
  await broker.stop();
  assert.equal(await client.line(), undefined);
});

Deno.test("a start that fails leaves the database to the next one", async () => {
  await using place = await new Place();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const failing: readonly (readonly [why: string, change: Partial<ServerOptions>])[] = [
    ["a port that is taken", { port: taken.addr.port }],
    ["a certificate without its key", { privateKey: certificates.sender_1.key }],
    ["no certificate", { certificate: "" }],
    ["an authority that is none", { authorities: certificates.sender_1.cert }],
  ];
  for (const [why, change] of failing) {
    const error = await rejection(BrokerServer.start({ ...place.options(), ...change }));
    assert(error instanceof CipherMqError, why);
    assert.equal(error.code, "configuration", why);
  }
  const odd = { ...place.options(), limits: { ...DEFAULT_LIMITS, maxConnections: 0 } };
  assert(await rejection(BrokerServer.start(odd)) instanceof AssertionError);
  const broker = await place.start();
  const client = await place.connect(broker);
  assert.equal(await client.ask("heartbeat"), "HEARTBEAT_OK");
  const wrongKey = { ...place.options(), aesKey: new Uint8Array(32) };
  await broker.stop();
  const refused = await rejection(BrokerServer.start(wrongKey));
  assert(refused instanceof CipherMqError && refused.code === "configuration", String(refused));
  await place.start();
});

Deno.test("a broker whose disk fails says nothing more, cuts everybody off, and tells why", async () => {
  await using place = await new Place();
  // All bodies are on disk only, and more of them than SQLite keeps in memory.
  const broker = await place.start({ maxCachedBodyBytes: 1 });
  const { host: hostname, port } = broker.address;
  const [sender, receiver, idle] = [
    await place.connect(broker),
    await place.connect(broker, "receiver_1"),
    await place.connect(broker),
  ];
  await declareQueues(sender, "receiver_1");
  for (let i = 0; i < 60; i++) {
    assert.equal(await sender.ask(publish(`m-${i}`, { bytes: 600_000 }).trimEnd()), `ACK m-${i}`);
  }
  assert(!await settled(broker.failure));
  Deno.truncateSync(`${place.database}-wal`, 0);

  await receiver.write(`heartbeat\n${publish("last")}consume receiver_1\n`);
  const failure = await broker.failure;
  assert(failure instanceof CipherMqError);
  assert.equal(failure.code, "storage");
  assert.match(failure.message, /broker\.db: /);
  assert.equal(await receiver.rest(), "", "neither what was stored nor what needs no disk");
  for (const client of [sender, idle]) assert.equal(await client.line(), undefined);
  await assert.rejects(Deno.connect({ hostname, port }), Deno.errors.ConnectionRefused);

  const tookMs = await timed(broker.stop());
  assert(tookMs < STOP_WITHIN_MS, `it took ${tookMs} ms`);
  new DatabaseSync(place.database).close();
});

Deno.test("a broker looks for lines that do not end", async () => {
  await using place = await new Place();
  const broker = await place.start({ lineTimeoutMs: 50 });
  const slow = await place.connect(broker);
  const idle = await place.connect(broker);
  await slow.write("heartbeat\nheart");
  assert.equal(await slow.line(), "HEARTBEAT_OK");
  assert.equal(await slow.line(STOP_WITHIN_MS), undefined);
  assert.equal(await idle.ask("heartbeat"), "HEARTBEAT_OK");
});

/** Takes the place of `setInterval`, for what must happen more seldom than a test can wait. */
class Intervals implements Disposable {
  readonly #original = globalThis.setInterval;
  readonly handlers = new Map<number | undefined, () => void>();

  constructor() {
    const original = this.#original;
    globalThis.setInterval = ((handler: () => void, ms?: number) => {
      this.handlers.set(ms, handler);
      return original(handler, ms);
    }) as typeof setInterval;
  }

  [Symbol.dispose](): void {
    globalThis.setInterval = this.#original;
  }
}

Deno.test("a broker forgets once a minute what is acknowledged, and too old or one id too many", async () => {
  using intervals = new Intervals();
  await using place = await new Place();
  const batches = async (duplicateHorizonMs: number, maxRememberedIds: number) => {
    const broker = await place.start({ duplicateHorizonMs, maxRememberedIds });
    const sender = await place.connect(broker);
    await declareQueues(sender, "receiver_1");
    assert.equal(await sender.ask(publish("m-1").trimEnd()), "ACK m-1");
    const receiver = await place.connect(broker, "receiver_1");
    await consume(receiver);
    for (let line = receiver.line();; line = receiver.line()) {
      if (messageId(await line) === "m-1") break;
    }
    assert.equal(await receiver.ask("ack m-1"), "ACK_CONFIRMED m-1");
    // They stay, and are of later milliseconds.
    for (const id of ["m-2", "m-3"]) {
      for (const before = Date.now(); Date.now() === before;);
      assert.equal(await sender.ask(publish(id).trimEnd()), `ACK ${id}`);
    }
    await receiver.lines(2);
    const forget = intervals.handlers.get(60_000);
    assert(forget !== undefined);
    forget();
    // A stop waits for no forgetting, but the second answer comes after the turn that does it.
    for (let turn = 0; turn < 2; turn++) await receiver.ask("stats");
    await broker.stop();
    const db = new DatabaseSync(place.database);
    const { n } = db.prepare("SELECT count(*) AS n FROM batch").get() as { n: number };
    db.close();
    Deno.removeSync(place.database);
    return n;
  };
  assert.equal(await batches(60 * 60 * 1000, 100), 3);
  assert.equal(await batches(1, 100), 2);
  assert.equal(await batches(60 * 60 * 1000, 2), 2);
});

Deno.test("a wall clock set ahead by two horizons expires and forgets nothing; certificates follow it", async () => {
  await using place = await new Place();
  const broker = await place.start();
  const client = await place.connect(broker, "receiver_1");
  await declareQueues(client, "receiver_1");
  const sender = await place.connect(broker, "receiver_1");
  assert.equal(await sender.ask("heartbeat"), "HEARTBEAT_OK");
  const options = "ttl_ms=3600000 ack_timeout_ms=1";
  assert.equal(await client.ask(`declare_queue receiver_1 ${options}`), "Queue declared");
  assert.equal(await client.ask(publish("m-1").trimEnd()), "ACK m-1");
  const machineNow = Date.now;
  Date.now = () => machineNow() + 2 * DEFAULT_LIMITS.duplicateHorizonMs;
  try {
    // One is taken at the new time, and the other's ack timeout passes: the broker has looked around.
    assert.equal(await client.ask(publish("m-2").trimEnd()), "ACK m-2");
    assert.equal(await client.ask("consume receiver_1 1"), "Subscribed to queue");
    for (let turn = 0; turn < 3; turn++) assert.equal(messageId(await client.line()), "m-1");
    assert.equal(await sender.ask(publish("m-1").trimEnd()), "ACK m-1");
    const stats = await sender.ask("stats");
    assert.match(stats!, /"queues":\[\["receiver_1",2\]\]/);
    assert.match(stats!, /"duplicates":1,.*"expired":0,/);
    const late = await place.connect(broker);
    assert.equal(await late.line(), undefined, "its certificate has expired");
  } finally {
    Date.now = machineNow;
  }
});
