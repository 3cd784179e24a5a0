/**
 * A connection between a socket that the test plays and the real session, engine, core and memory
 * store: when it reads, what it holds, when it pushes and how it ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers/promises";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import { Broker } from "../../lib/core/broker.ts";
import { Backups, type BackupSource } from "../../lib/server/backups.ts";
import type { ClientSocket } from "../../lib/server/client_socket.ts";
import { Connection } from "../../lib/server/connection.ts";
import { Engine } from "../../lib/server/engine.ts";
import { IncomingRoom } from "../../lib/server/incoming_room.ts";
import { TextSession } from "../../lib/session/text_session.ts";
import { MemoryStore } from "../../lib/store/memory_store.ts";
import { configureLogging, disposeLogging } from "../../cli/logging.ts";
import { Terminal } from "../../cli/terminal.ts";
import { envelopeText, messageId, publish } from "../support/commands.ts";
import { seededRandom } from "../support/core_driver.ts";

/** A socket whose kernel takes bytes when the test says so. */
class ScriptedSocket implements ClientSocket {
  readonly identity: string;
  readonly remoteAddress = "192.0.2.1";
  /** Every write, as text. */
  readonly writes: string[] = [];
  unsentBytes = 0;
  paused = false;
  /** What `end` was given, as text. */
  last: string | undefined;
  destroyed = false;
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;

  constructor(identity: string) {
    this.identity = identity;
  }

  get ended(): boolean {
    return this.last !== undefined;
  }

  write(bytes: Uint8Array): void {
    if (this.ended || this.destroyed) return;
    this.writes.push(Buffer.from(bytes).toString());
    this.unsentBytes += bytes.length;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(last: Uint8Array = new Uint8Array()): void {
    this.last ??= Buffer.from(last).toString();
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** The client says something; it cannot while it is not read. */
  say(text: string): void {
    assert(!this.paused, "a paused socket is not read");
    this.onData?.(Buffer.from(text));
  }

  /** The client takes all that was written. */
  takeAll(): void {
    this.unsentBytes = 0;
    this.onDrain?.();
  }

  /** All lines written so far. */
  get lines(): string[] {
    return this.writes.join("").split("\n").slice(0, -1);
  }

  /** The ids of the messages written so far. */
  get messageIds(): string[] {
    return this.lines.filter((line) => line.startsWith("Message: ")).map(messageId);
  }
}

/** A client of the bench. */
interface Client {
  readonly socket: ScriptedSocket;
  readonly connection: Connection;
  /** How often its end was told. */
  ends: number;
}

/** A copy of `BACKUP_BYTES` bytes whose next piece comes when the test says so. */
class ScriptedSource implements BackupSource {
  reads = 0;
  ends = 0;
  #wanted: (() => void)[] = [];

  beginBackup(): Promise<number> {
    return Promise.resolve(BACKUP_BYTES);
  }

  async readBackup(offset: number): Promise<Uint8Array> {
    this.reads++;
    await new Promise<void>((resolve) => this.#wanted.push(resolve));
    return new Uint8Array(Math.min(PIECE_BYTES, BACKUP_BYTES - offset));
  }

  endBackup(): Promise<void> {
    this.ends++;
    return Promise.resolve();
  }

  /** Lets all pieces come that were asked for. */
  async give(): Promise<void> {
    for (const resolve of this.#wanted.splice(0)) resolve();
    await setImmediate();
  }
}

const BACKUP_BYTES = 1000;
const PIECE_BYTES = 300;

/** An engine whose turns and time the test controls. */
class Bench {
  readonly limits: Limits;
  readonly source = new ScriptedSource();
  readonly #broker: Broker;
  readonly #room: IncomingRoom;
  readonly #engine: Engine;
  readonly #backups: Backups;
  #turns: (() => void)[] = [];
  monoMs = 0;

  private constructor(limits: Limits, broker: Broker, store: MemoryStore) {
    this.limits = limits;
    this.#broker = broker;
    const rights = { source: this.source, admins: ["admin"] };
    this.#backups = new Backups({ rights, limits, clock: this.#clock });
    this.#room = new IncomingRoom(limits);
    this.#engine = new Engine({
      broker,
      store,
      clock: this.#clock,
      timers: {
        soon: (turn) => void this.#turns.push(turn),
        after: (ms, work) => this.#after(ms, work),
      },
      onFailure: (error) => {
        throw error;
      },
    });
  }

  static async make(limits: Partial<Limits> = {}): Promise<Bench> {
    const bounds = { ...DEFAULT_LIMITS, ...limits };
    const store = new MemoryStore();
    const broker = new Broker({ limits: bounds, random: seededRandom() }, await store.load());
    return new Bench(bounds, broker, store);
  }

  connect(identity: string): Client {
    const socket = new ScriptedSocket(identity);
    const connection = new Connection({
      socket,
      openSession: (connection) => new TextSession({ connection, identity, limits: this.limits }),
      engine: this.#engine,
      backups: this.#backups,
      limits: this.limits,
      share: this.#broker.unsentShare,
      room: this.#room,
      clock: this.#clock,
      onEnd: () => client.ends++,
    });
    const client: Client = { socket, connection, ends: 0 };
    return client;
  }

  /** A client that has made a queue for itself, and one that publishes to it. */
  async meet(identity = "bob"): Promise<[Client, Client]> {
    const [receiver, sender] = [this.connect(identity), this.connect("alice")];
    receiver.socket.say(
      `declare_exchange ciphermq\ndeclare_queue ${identity}\nbind ${identity} ciphermq ${identity}\n`,
    );
    await this.run();
    receiver.socket.takeAll();
    receiver.socket.writes.length = 0;
    return [receiver, sender];
  }

  /** Turns that wait to be run. */
  get waitingTurns(): number {
    return this.#turns.length;
  }

  /** Runs one commit. */
  async turn(): Promise<void> {
    this.#turns.shift()?.();
    await setImmediate();
  }

  /** Runs until nothing is left to do. */
  async run(): Promise<void> {
    while (this.#turns.length > 0) await this.turn();
  }

  /** Nothing waits long: time passes as soon as somebody waits for it. */
  #after(ms: number, work: () => void): () => void {
    const turn = () => {
      this.monoMs += ms;
      work();
    };
    this.#turns.push(turn);
    return () => this.#turns = this.#turns.filter((other) => other !== turn);
  }

  get #clock() {
    return { now: () => ({ wallMs: 1_700_000_000_000 + this.monoMs, monoMs: this.monoMs }) };
  }
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `m-${i}`);
}

function publishAll(ids: readonly string[], receiver = "bob", bytes = 300): string {
  return ids.map((id) => publish(id, { receiver, bytes })).join("");
}

const HEARTBEAT = "heartbeat\n";
const HEARTBEAT_OK = "HEARTBEAT_OK\n";
/** More steps than one commit takes: two such submissions are two commits. */
const FULL_COMMIT = 1024;

Deno.test("what is said in one turn of the broker is one write", async () => {
  const bench = await Bench.make();
  const [bob, alice] = await bench.meet();
  bob.socket.say(`consume bob\n${HEARTBEAT.repeat(50)}`);
  bob.socket.say("nonsense\n");
  bob.socket.say("stats\n");
  alice.socket.say(publishAll(ids(20)));
  await bench.run();
  assert.equal(bob.socket.writes.length, 1);
  assert.equal(bob.socket.lines.length, 1 + 50 + 1 + 1 + 20);
  assert.deepEqual(bob.socket.messageIds, ids(20));
  assert.equal(alice.socket.writes.length, 1);
  assert.deepEqual(alice.socket.lines, ids(20).map((id) => `ACK ${id}`));
});

Deno.test("a turn with nothing to say for a connection writes nothing to it", async () => {
  const bench = await Bench.make();
  const [bob, alice] = await bench.meet();
  bob.connection.flush();
  alice.socket.say(publishAll(ids(1)));
  await bench.run();
  assert.deepEqual(bob.socket.writes, []);
});

Deno.test("reading pauses when exactly as many commands wait as may", async () => {
  const bench = await Bench.make({ maxWaitingCommands: 10 });
  const { socket } = bench.connect("bob");
  socket.say(HEARTBEAT.repeat(4));
  socket.say(HEARTBEAT.repeat(5));
  assert(!socket.paused);
  socket.say(HEARTBEAT);
  assert(socket.paused);
  await bench.run();
  assert(!socket.paused);
  assert.equal(socket.writes.join(""), HEARTBEAT_OK.repeat(10));
  socket.say(HEARTBEAT.repeat(9));
  assert(!socket.paused, "what was answered does not count any more");
  await bench.run();
});

Deno.test("reading goes on when half of the commands are answered, not before", async () => {
  for (const [answered, resumes] of [[5000, true], [4999, false]] as const) {
    assert(answered >= FULL_COMMIT);
    const bench = await Bench.make({ maxWaitingCommands: 10_000 });
    const { socket } = bench.connect("bob");
    await bench.run();
    socket.say(HEARTBEAT.repeat(answered));
    socket.say(HEARTBEAT.repeat(10_000 - answered));
    assert(socket.paused);
    await bench.turn();
    assert.equal(socket.lines.length, answered);
    socket.takeAll();
    assert.equal(!socket.paused, resumes);
    await bench.run();
    assert(!socket.paused);
  }
});

Deno.test("reading pauses when exactly as many bytes of commands wait as may", async () => {
  const bench = await Bench.make({ maxWaitingBytes: 100 });
  const { socket } = bench.connect("bob");
  await bench.run();
  const line = (bytes: number) => `${"x".repeat(bytes - 1)}\n`;
  socket.say(`${line(50)}${line(39)}x`);
  assert(!socket.paused);
  await bench.run();
  // The beginning of a line is counted with the rest of it.
  socket.say(line(98));
  assert(!socket.paused);
  socket.say(line(1));
  assert(socket.paused);
  await bench.run();
  assert(!socket.paused);
  // Pieces of a line count from the moment that it is whole.
  const whole = line(100);
  socket.say(whole.slice(0, 60));
  socket.say(whole.slice(60, 90));
  assert(!socket.paused);
  socket.say(whole.slice(90));
  assert(socket.paused);
  await bench.run();
  assert(!socket.paused);
});

Deno.test("reading goes on when half of the bytes are answered, not before", async () => {
  for (const [answered, resumes] of [[5000, true], [4999, false]] as const) {
    const maxWaitingBytes = 10_000 * HEARTBEAT.length;
    const bench = await Bench.make({ maxWaitingBytes, maxUnsentBytes: 10 ** 9 });
    const { socket } = bench.connect("bob");
    await bench.run();
    socket.say(HEARTBEAT.repeat(answered));
    socket.say(HEARTBEAT.repeat(10_000 - answered));
    assert(socket.paused);
    await bench.turn();
    assert.equal(socket.lines.length, answered);
    assert.equal(!socket.paused, resumes);
    await bench.run();
    assert(!socket.paused);
  }
});

Deno.test("reading pauses when exactly as many bytes are unsent as may, until half are taken", async () => {
  const maxUnsentBytes = 10 * HEARTBEAT_OK.length;
  const bench = await Bench.make({ maxUnsentBytes });
  const { socket, connection } = bench.connect("bob");
  socket.say(HEARTBEAT.repeat(9));
  await bench.run();
  assert(!socket.paused);
  socket.say(HEARTBEAT);
  await bench.run();
  assert.equal(socket.unsentBytes, maxUnsentBytes);
  assert(socket.paused, "answers that nobody takes stop the reading");
  socket.unsentBytes = maxUnsentBytes / 2 + 1;
  connection.flush();
  assert(socket.paused);
  socket.unsentBytes = maxUnsentBytes / 2;
  connection.flush();
  assert(!socket.paused);
  socket.say(HEARTBEAT.repeat(5));
  await bench.run();
  assert(socket.paused);
  socket.takeAll();
  assert(!socket.paused, "the kernel's word is enough");
});

Deno.test("a consumer that never reads gets no more than may be unsent, and one message", async () => {
  const maxUnsentBytes = 5000;
  const bench = await Bench.make({ maxUnsentBytes });
  const [bob, alice] = await bench.meet();
  const all = ids(60);
  alice.socket.say(publishAll(all.slice(0, 40)));
  bob.socket.say("consume bob\n");
  await bench.run();
  alice.socket.takeAll();
  alice.socket.say(publishAll(all.slice(40)));
  await bench.run();
  const bodies = bob.socket.lines.filter((line) => line.startsWith("Message: "))
    .map((line) => line.slice(line.indexOf("{")).length);
  const pushed = bodies.reduce((sum, bytes) => sum + bytes, 0);
  assert(pushed >= maxUnsentBytes, "it is pushed what it may be");
  assert(pushed - bodies.at(-1)! < maxUnsentBytes, `${pushed} bytes were pushed`);
});

Deno.test("a consumer that catches up is pushed everything, in order", async () => {
  const bench = await Bench.make({ maxUnsentBytes: 5000 });
  const [bob, alice] = await bench.meet();
  const all = ids(60);
  bob.socket.say("consume bob\n");
  alice.socket.say(publishAll(all.slice(0, 50)));
  await bench.run();
  for (let before = 0; bob.socket.messageIds.length < 50;) {
    assert(bob.socket.messageIds.length > before, "more comes when all was taken");
    before = bob.socket.messageIds.length;
    bob.socket.takeAll();
    await bench.run();
  }
  bob.socket.takeAll();
  alice.socket.takeAll();
  alice.socket.say(publishAll(all.slice(50)));
  await bench.run();
  bob.socket.takeAll();
  await bench.run();
  assert.deepEqual(bob.socket.messageIds, all);
  bob.connection.flush();
  assert.equal(bench.waitingTurns, 0, "what was asked for once is not asked for again");
});

Deno.test("a consumer is pushed more when half is taken, not before", async () => {
  const bench = await Bench.make({ maxUnsentBytes: 5000 });
  const [bob, alice] = await bench.meet();
  bob.socket.say("consume bob\n");
  alice.socket.say(publishAll(ids(50)));
  await bench.run();
  const first = bob.socket.messageIds.length;
  bob.socket.unsentBytes = 2501;
  bob.connection.flush();
  await bench.run();
  assert.equal(bob.socket.messageIds.length, first);
  bob.socket.unsentBytes = 2500;
  bob.connection.flush();
  await bench.run();
  assert(bob.socket.messageIds.length > first);
});

Deno.test("a message that was acknowledged before it left does not use up what may be pushed", async () => {
  const bench = await Bench.make({ maxUnsentBytes: 500 });
  const [bob, alice] = await bench.meet();
  alice.socket.say(publishAll(["m-1"], "bob", 600));
  bob.socket.say("consume bob\n");
  await bench.run();
  assert.deepEqual(bob.socket.messageIds, ["m-1"]);
  const second = bench.connect("bob");
  second.socket.say("consume bob\n");
  const third = bench.connect("bob");
  await bench.run();
  // One commit: it goes from the first to the second, for whom the third acknowledges it.
  bob.socket.onClose?.();
  third.socket.say("ack m-1\n");
  await bench.run();
  assert.deepEqual(third.socket.lines, ["ACK_CONFIRMED m-1"]);
  assert.deepEqual(second.socket.messageIds, []);
  alice.socket.takeAll();
  alice.socket.say(publishAll(["m-2"], "bob", 600));
  await bench.run();
  assert.deepEqual(second.socket.messageIds, ["m-2"]);
});

Deno.test("a line must end in time, counted from its first byte", async () => {
  const bench = await Bench.make({ lineTimeoutMs: 10_000 });
  const { socket, connection } = bench.connect("bob");
  bench.monoMs = 1000;
  socket.say("s");
  bench.monoMs = 9000;
  socket.say("t");
  connection.sweep(11_000);
  assert(!socket.destroyed, "it has just that long");
  connection.sweep(11_001);
  assert(socket.destroyed);
  await bench.run();
});

Deno.test("each line has its own time, and between lines there is no hurry", async () => {
  const bench = await Bench.make({ lineTimeoutMs: 10_000 });
  const { socket, connection } = bench.connect("bob");
  connection.sweep(1e9);
  socket.say("sta");
  bench.monoMs = 9000;
  socket.say("ts\nhear");
  connection.sweep(19_000);
  assert(!socket.destroyed);
  bench.monoMs = 19_000;
  socket.say("tbeat\n");
  connection.sweep(1e9);
  assert(!socket.destroyed, "no line is under way");
  bench.monoMs = 2e9;
  socket.say("stats\ns");
  connection.sweep(2e9 + 10_000);
  assert(!socket.destroyed);
  connection.sweep(2e9 + 10_001);
  assert(socket.destroyed);
  await bench.run();
});

Deno.test("a line's time stands still while it is not read", async () => {
  const bench = await Bench.make({ lineTimeoutMs: 10_000, maxWaitingCommands: 2 });
  const { socket, connection } = bench.connect("bob");
  await bench.run();
  socket.say(`${HEARTBEAT.repeat(2)}sta`);
  assert(socket.paused);
  bench.monoMs = 50_000;
  connection.sweep(50_000);
  assert(!socket.destroyed);
  await bench.run();
  assert(!socket.paused);
  connection.sweep(60_000);
  assert(!socket.destroyed, "it gets its time again");
  connection.sweep(60_001);
  assert(socket.destroyed);
});

/** The shared half of what may come is two lines; two connections are let on when it is used up. */
const NARROW = { maxLineBytes: 200_000, maxMessageBytes: 199_000, maxIncomingBytes: 800_000 };

Deno.test("what all have sent is bounded: beyond it only a few lines go on, in turn, and small ones", async () => {
  const bench = await Bench.make(NARROW);
  const clients = Array.from({ length: 6 }, () => bench.connect("bob"));
  for (const { socket } of clients) socket.say("x".repeat(100_000));
  const paused = () => clients.map(({ socket }) => socket.paused);
  assert.deepEqual(paused(), [false, false, false, false, false, true]);
  // What was read before it was full may still say something, and is held up then.
  clients[0]!.socket.say("x".repeat(50_000));
  assert.deepEqual(paused(), [true, false, false, false, false, true]);
  const small = bench.connect("carol");
  small.socket.say(HEARTBEAT);
  await bench.run();
  assert.deepEqual(small.socket.writes, [HEARTBEAT_OK]);
  clients[3]!.socket.say("x".repeat(100_000));
  clients[3]!.socket.say("\n");
  assert(clients[5]!.socket.paused);
  await bench.run();
  assert.equal(clients[3]!.socket.lines.length, 1);
  assert.deepEqual(paused(), [true, false, false, false, false, false], "it goes on in its turn");
  clients[4]!.socket.say("\n");
  await bench.run();
  assert.deepEqual(paused(), [false, false, false, false, false, false]);
});

Deno.test("who waits for others' lines is not cut off, and who keeps others waiting is", async () => {
  const bench = await Bench.make({ ...NARROW, lineTimeoutMs: 10_000 });
  const clients = Array.from({ length: 6 }, () => bench.connect("bob"));
  for (const { socket } of clients) socket.say("x".repeat(100_000));
  await bench.run();
  const last = clients[5]!;
  bench.monoMs = 10_001;
  for (const { connection } of clients) connection.sweep(10_001);
  assert.deepEqual(clients.map(({ socket }) => socket.destroyed), [
    ...[true, true, true, true, true],
    false,
  ]);
  for (const { socket } of clients.slice(0, 5)) socket.onClose?.();
  assert(!last.socket.paused);
  last.connection.sweep(20_001);
  assert(!last.socket.destroyed, "it has all the time for its line again");
  last.connection.sweep(20_002);
  assert(last.socket.destroyed);
  await bench.run();
});

Deno.test("who takes no answers while its line keeps others waiting is cut off in time", async () => {
  const bench = await Bench.make({ ...NARROW, lineTimeoutMs: 10_000, maxUnsentBytes: 500 });
  const clients = Array.from({ length: 4 }, () => bench.connect("bob"));
  for (const { socket, connection } of clients) {
    socket.unsentBytes = 500;
    socket.say("x".repeat(90_000));
    assert(socket.paused);
    connection.sweep(10_001);
    assert(!socket.destroyed, "nobody waits");
  }
  const other = bench.connect("alice");
  other.socket.say("x".repeat(90_000));
  for (const { socket, connection } of clients) {
    connection.sweep(10_001);
    assert(socket.destroyed);
  }
  await bench.run();
});

Deno.test("commands that wait for their commit fill the room too, and free it", async () => {
  const bench = await Bench.make(NARROW);
  const busy = Array.from({ length: 3 }, () => bench.connect("bob"));
  for (const { socket } of busy) socket.say(HEARTBEAT.repeat(600));
  // Each command counts for what the broker needs beside its bytes.
  assert.deepEqual(busy.map(({ socket }) => socket.paused), [false, false, true]);
  await bench.run();
  assert.deepEqual(busy.map(({ socket }) => socket.paused), [false, false, false]);
  for (const { socket } of busy) assert.equal(socket.lines.length, 600);
});

Deno.test("a client that cannot be understood is answered in its turn, told why, and closed", async () => {
  const bench = await Bench.make({ maxLineBytes: 1000, maxMessageBytes: 900 });
  const { socket, connection } = bench.connect("bob");
  socket.say(`${HEARTBEAT}fetch q\n${"x".repeat(1001)}`);
  socket.say("\nstats\n");
  assert(!socket.ended, "nothing is said before its turn");
  connection.sweep(1e9);
  assert(!socket.destroyed, "the answer is still to come");
  await bench.run();
  const lines = [
    "HEARTBEAT_OK",
    "Error: no queue 'q'; declare it first",
    "Error: the line is longer than 1000 bytes",
  ];
  assert.equal(socket.writes.join("") + socket.last, lines.map((line) => `${line}\n`).join(""));
  socket.say("stats\n");
  await bench.run();
  assert.deepEqual(socket.writes, [], "nothing is taken or said any more");
});

Deno.test("a client that cannot be understood is not read again", async () => {
  const bench = await Bench.make({
    maxLineBytes: 1000,
    maxMessageBytes: 900,
    maxWaitingCommands: FULL_COMMIT + 2,
  });
  const { socket } = bench.connect("bob");
  await bench.run();
  socket.say(HEARTBEAT.repeat(FULL_COMMIT));
  socket.say("x".repeat(1001));
  assert(socket.paused);
  await bench.turn();
  assert.equal(socket.lines.length, FULL_COMMIT);
  assert(socket.paused && !socket.ended, "not even before it was told");
  await bench.run();
  assert(socket.paused && socket.ended);
});

Deno.test("when the broker stops, what was taken is answered and nothing more is taken", async () => {
  const bench = await Bench.make({ maxWaitingCommands: 3 });
  const busy = bench.connect("bob");
  const full = bench.connect("carol");
  busy.socket.say(`${HEARTBEAT.repeat(2)}sta`);
  full.socket.say(HEARTBEAT.repeat(3));
  for (const { connection } of [busy, full]) connection.stopReading();
  assert(busy.socket.paused);
  // The platform may still have something that came before.
  busy.socket.onData?.(Buffer.from("ts\nstats\n"));
  busy.connection.sweep(1e9);
  assert(!busy.socket.destroyed, "it cannot end its line any more");
  await bench.run();
  assert(full.socket.paused, "it is not read again when it has room");
  for (const { socket, connection } of [busy, full]) {
    connection.end();
    assert(socket.ended);
  }
  assert.equal(busy.socket.writes.join("") + busy.socket.last, HEARTBEAT_OK.repeat(2));
  assert.equal(full.socket.writes.join("") + full.socket.last, HEARTBEAT_OK.repeat(3));
});

Deno.test("what was said last leaves with the end", async () => {
  const bench = await Bench.make();
  const { socket, connection } = bench.connect("bob");
  connection.reply({ kind: "heartbeat_ok" });
  connection.end();
  assert.equal(socket.last, HEARTBEAT_OK);
  await bench.run();
});

Deno.test("a broker that stops pushes no more than may be unsent, however fast it is taken", async () => {
  const bench = await Bench.make({ maxUnsentBytes: 5000 });
  const [bob, alice] = await bench.meet();
  bob.socket.say("consume bob\n");
  alice.socket.say(publishAll(ids(100)));
  bob.connection.stopReading();
  for (let turn = 0; turn < 20; turn++) {
    await bench.run();
    bob.socket.takeAll();
  }
  assert(bob.socket.messageIds.length < 15, `${bob.socket.messageIds.length} messages were pushed`);
});

Deno.test("what a connection held goes to another one of its receiver when it ends", async () => {
  const bench = await Bench.make();
  const [bob, alice] = await bench.meet();
  bob.socket.say("consume bob\n");
  alice.socket.say(publishAll(ids(3)));
  await bench.run();
  bob.socket.say("ack m-1\n");
  const other = bench.connect("bob");
  other.socket.say("consume bob\n");
  await bench.run();
  assert.deepEqual(bob.socket.messageIds, ids(3));
  assert.deepEqual(other.socket.messageIds, []);
  assert.equal(bob.ends, 0);
  bob.socket.onClose?.();
  assert.equal(bob.ends, 1);
  await bench.run();
  assert.deepEqual(other.socket.messageIds, ["m-0", "m-2"]);
  assert.equal(bob.socket.lines.at(-1), "ACK_CONFIRMED m-1");
});

Deno.test("commands of a client that is gone are carried out and answered to nobody", async () => {
  const bench = await Bench.make();
  const [bob, alice] = await bench.meet();
  alice.socket.say(publishAll(ids(2)));
  alice.socket.onClose?.();
  await bench.run();
  assert.deepEqual(alice.socket.writes, []);
  bob.socket.say("consume bob\n");
  await bench.run();
  assert.deepEqual(bob.socket.messageIds, ids(2));
});

Deno.test("the log has who came, went and was cut off, and nothing that a client said", async () => {
  const logged: string[] = [];
  const terminal = new class extends Terminal {
    override log(line: string): void {
      logged.push(line);
    }
  }();
  terminal.verbosity = "verbose";
  configureLogging(terminal);
  try {
    const bench = await Bench.make({ lineTimeoutMs: 10, maxLineBytes: 1000, maxMessageBytes: 900 });
    const slow = bench.connect("bob");
    slow.socket.say("publish x k SECRET");
    slow.connection.sweep(11);
    const bad = bench.connect("carol");
    bad.socket.say(`publish x k ${envelopeText("SECRET")}\n${"SECRET".repeat(200)}`);
    await bench.run();
    bench.monoMs = 2500;
    for (const { socket } of [slow, bad]) socket.onClose?.();
    await bench.run();
  } finally {
    await disposeLogging();
  }
  const events = logged.map((line) => {
    const { message, identity, address, connection, seconds, level } = JSON.parse(line);
    return [
      message,
      level,
      identity,
      address,
      connection,
      ...seconds === undefined ? [] : [seconds],
    ];
  });
  assert.deepEqual(events, [
    ["connected", "INFO", "bob", "192.0.2.1", 1],
    ["line not finished in time, closing", "WARN", "bob", "192.0.2.1", 1],
    ["connected", "INFO", "carol", "192.0.2.1", 2],
    ["protocol error, closing", "WARN", "carol", "192.0.2.1", 2],
    ["disconnected", "INFO", "bob", "192.0.2.1", 1, 2.5],
    ["disconnected", "INFO", "carol", "192.0.2.1", 2, 2.5],
  ]);
  assert(!logged.join("").includes("SECRET"));
});

const PIECE = `Backup piece: ${new Uint8Array(PIECE_BYTES).toBase64()}`;

Deno.test("a backup is answered in its turn: after all before it is on disk, before all that follows", async () => {
  const bench = await Bench.make();
  const [bob] = await bench.meet();
  const { socket, connection } = bench.connect("admin");
  await bench.run();
  socket.say(`${publish("m-1", { receiver: "bob" })}backup\n${HEARTBEAT}backup_read 0\nheart`);
  socket.say("beat\nbackup_end\nstats\n");
  await setImmediate();
  assert.deepEqual(socket.lines, [], "nothing is committed yet");
  await bench.run();
  await setImmediate();
  await bench.run();
  assert.deepEqual(socket.lines, ["ACK m-1", "Backup: 1000", "HEARTBEAT_OK"]);
  // Others are served while the piece is read.
  bob.socket.say("consume bob\n");
  await bench.run();
  assert.deepEqual(bob.socket.messageIds, ["m-1"]);
  // What else is written to the connection asks for nothing again.
  connection.flush();
  assert.equal(bench.source.reads, 1);
  assert.equal(socket.lines.length, 3);
  await bench.source.give();
  await bench.run();
  await setImmediate();
  await bench.run();
  assert.deepEqual(socket.lines.slice(3, 6), [PIECE, "HEARTBEAT_OK", "Backup ended"]);
  assert.match(socket.lines[6]!, /^Stats: /);
  assert.equal(bench.source.ends, 1);
});

Deno.test("pieces are read no faster than their client takes them, and what it asks meanwhile is not read", async () => {
  const bench = await Bench.make({ maxUnsentBytes: 700, maxWaitingCommands: 100 });
  const { socket } = bench.connect("admin");
  await bench.run();
  socket.say(`backup\n${"backup_read 0\n".repeat(99)}`);
  assert(socket.paused);
  for (let round = 0; round < 10; round++) {
    await bench.source.give();
    await bench.run();
  }
  assert.equal(bench.source.reads, 1);
  for (let taken = 1; taken < 99; taken++) {
    socket.takeAll();
    await bench.source.give();
    await bench.run();
    assert.equal(bench.source.reads, taken + 1);
  }
  socket.takeAll();
  assert(!socket.paused, "all is answered");
  assert.deepEqual(socket.lines, ["Backup: 1000", ...Array(99).fill(PIECE)]);
  // What was counted as waiting is not any more: exactly as much as before stops the reading.
  socket.say(HEARTBEAT.repeat(99));
  assert(!socket.paused);
  await bench.run();
});

Deno.test("a connection that ends during a backup ends it, and what it had asked for goes nowhere", async () => {
  const bench = await Bench.make();
  const { socket } = bench.connect("admin");
  await bench.run();
  socket.say("backup\n");
  await setImmediate();
  socket.say(`backup_read 0\nbackup_read 300\n${HEARTBEAT}`);
  await setImmediate();
  socket.onClose?.();
  await bench.source.give();
  await bench.run();
  assert.deepEqual(socket.lines, ["Backup: 1000"]);
  assert.deepEqual([bench.source.reads, bench.source.ends], [1, 1]);
  const next = bench.connect("admin");
  next.socket.say("backup\n");
  await bench.run();
  await setImmediate();
  assert.deepEqual(next.socket.lines, ["Backup: 1000"]);
});

Deno.test("a broker that stops gives no more of a backup", async () => {
  const bench = await Bench.make();
  const { socket, connection } = bench.connect("admin");
  await bench.run();
  socket.say("backup\nbackup_read 0\nbackup_read 300\n");
  await setImmediate();
  connection.stopReading();
  connection.end();
  await bench.source.give();
  await setImmediate();
  socket.takeAll();
  assert.equal(socket.last, "");
  assert.equal(bench.source.reads, 1);
});
