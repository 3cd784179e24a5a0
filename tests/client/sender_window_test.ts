/**
 * The sender's window against a model of a broker that accepts, refuses, stalls and disappears.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Random } from "../../lib/base/random.ts";
import {
  type OutgoingMessage,
  SenderWindow,
  type WindowEvent,
  type WindowOptions,
} from "../../lib/client/sender_window.ts";
import type { Command, PublishedMessage } from "../../lib/wire/command.ts";
import type { ReceivedReply } from "../../lib/wire/reply.ts";

const halfway: Random = { uint32: () => 2 ** 31 };

function message(id: string, routingKey = "r", bytes = 10): OutgoingMessage {
  return { id, receiver: routingKey, body: new Uint8Array(bytes), exchange: "x", routingKey };
}

function published(command: Command | undefined): readonly PublishedMessage[] {
  if (command?.kind === "publish") return [command.message];
  if (command?.kind === "publish_batch") return command.messages;
  return [];
}

function ids(command: Command | undefined): string[] {
  return published(command).map((one) => one.id);
}

function accepted(id: string): ReceivedReply {
  return { kind: "accepted", id };
}

const noQueue = "Error: no queue is bound to exchange 'x' with routing key 'r'";

function refused(id?: string, why = noQueue): ReceivedReply {
  if (id === undefined) return { kind: "failed", text: why };
  return { kind: "failed", text: `${why} for message ${id}`, id };
}

/** A window whose route is known to work, with messages added. */
function provenWindow(count: number, options: WindowOptions = {}): SenderWindow<OutgoingMessage> {
  const window = new SenderWindow<OutgoingMessage>(halfway, options);
  window.add(message("first"), 0);
  window.take(0);
  window.reply(accepted("first"), 0);
  window.events();
  for (let at = 0; at < count; at++) window.add(message(`m${at}`), 0);
  return window;
}

function outcomes(events: readonly WindowEvent<OutgoingMessage>[]): string[] {
  return events.map((event) =>
    event.kind === "waiting" ? `waiting ${event.routingKey}` : `${event.kind} ${event.message.id}`
  );
}

Deno.test("the first message of a route goes alone, the others after it was accepted", () => {
  const window = new SenderWindow<OutgoingMessage>(halfway);
  for (const id of ["a", "b", "c"]) window.add(message(id), 0);
  assert.deepEqual(ids(window.take(0)), ["a"]);
  assert.equal(window.take(0), undefined);
  assert.equal(window.reply(accepted("a"), 1), true);
  const batch = window.take(1);
  assert.equal(batch?.kind, "publish_batch");
  assert.deepEqual(ids(batch), ["b", "c"]);
});

Deno.test("a batch ends at its count, at its bytes, and holds one message however large", () => {
  const byCount = provenWindow(5, { maxBatchMessages: 2 });
  assert.deepEqual([ids(byCount.take(0)), ids(byCount.take(0))], [["m0", "m1"], ["m2", "m3"]]);
  const byBytes = provenWindow(5, { maxBatchBytes: 35 });
  assert.deepEqual(ids(byBytes.take(0)), ["m0", "m1", "m2"]);
  const large = provenWindow(0, { maxBatchBytes: 35 });
  large.add(message("big", "r", 1_000), 0);
  assert.deepEqual(ids(large.take(0)), ["big"]);
});

Deno.test("an incomplete batch lingers while others are in flight, unless in a hurry", () => {
  const window = provenWindow(1, { lingerMs: 5 });
  assert.deepEqual(ids(window.take(0)), ["m0"]);
  window.add(message("late"), 1);
  assert.equal(window.take(1), undefined);
  assert.equal(window.wakeInMs(1), 5);
  assert.deepEqual(ids(window.take(6)), ["late"]);
  window.add(message("later"), 7);
  assert.deepEqual(ids(window.take(7, true)), ["later"]);
});

Deno.test("the window has room for its messages and bytes, and always for one", () => {
  const window = new SenderWindow<OutgoingMessage>(halfway, { maxMessages: 2, maxBytes: 25 });
  assert.equal(window.hasRoom(1, 1_000), true);
  window.add(message("a"), 0);
  assert.equal(window.hasRoom(1, 15), true);
  assert.equal(window.hasRoom(1, 16), false);
  window.add(message("b"), 0);
  assert.equal(window.hasRoom(1, 1), false);
  window.take(0);
  window.reply(accepted("a"), 0);
  assert.equal(window.hasRoom(1, 15), true);
});

Deno.test("after a lost connection the unanswered messages go again, in order, with the same bytes", () => {
  const window = provenWindow(4, { maxBatchMessages: 2 });
  const first = [...published(window.take(0)), ...published(window.take(0))];
  window.reply(accepted("m0"), 0);
  window.lost();
  const again = [...published(window.take(9)), ...published(window.take(9))];
  assert.deepEqual(again.map((one) => one.id), ["m1", "m2", "m3"]);
  for (const one of again) assert.ok(first.some((other) => other.body === one.body));
  assert.equal(window.resent, 3);
});

Deno.test("a message that no queue takes is tried again until the wait is over, then all behind it fail", () => {
  const window = new SenderWindow<OutgoingMessage>(halfway, { waitMs: 1_000 });
  for (const id of ["a", "b"]) window.add(message(id), 0);
  window.take(0);
  window.reply(refused(), 0);
  assert.deepEqual(outcomes(window.events()), ["waiting r"]);
  assert.equal(window.take(0), undefined);
  const wait = window.wakeInMs(0)!;
  assert.deepEqual(ids(window.take(wait)), ["a"]);
  window.reply(refused(), wait);
  assert.deepEqual(window.events(), []);
  window.take(2_000);
  window.reply(refused(), 2_000);
  const events = window.events();
  assert.deepEqual(outcomes(events), ["failed a", "failed b"]);
  assert.ok(events.every((event) => event.kind === "failed" && event.error.code === "unroutable"));
  assert.equal(window.pending, 0);
});

Deno.test("what came back goes before what was not written yet, once nothing else is in flight", () => {
  const window = provenWindow(4, { maxBatchMessages: 1 });
  for (let at = 0; at < 3; at++) window.take(0);
  window.reply(refused("m0"), 0);
  window.reply(accepted("m1"), 0);
  assert.equal(window.take(0), undefined);
  window.reply(accepted("m2"), 0);
  assert.deepEqual([ids(window.take(0)), ids(window.take(0, true))], [["m0"], ["m3"]]);
});

const full = "Error: queue 'r' is full (3 messages); try again later";

Deno.test("a message that finds no room is tried again for ever, and the wait is told once until it changes", () => {
  const window = provenWindow(2, { waitMs: 0 });
  assert.deepEqual(ids(window.take(0)), ["m0", "m1"]);
  window.reply(refused("m0", full), 0);
  window.reply(refused("m1", full), 0);
  assert.deepEqual(window.events(), [{
    kind: "waiting",
    exchange: "x",
    routingKey: "r",
    obstacle: "no_room",
    why: "queue 'r' is full (3 messages)",
  }]);
  let nowMs = 0;
  for (let attempt = 0; attempt < 200; attempt++) {
    nowMs += window.wakeInMs(nowMs)!;
    assert.deepEqual(ids(window.take(nowMs)), ["m0"]);
    assert.equal(window.take(nowMs), undefined);
    window.reply(refused("m0", full), nowMs);
    assert.deepEqual(window.events(), []);
  }
  nowMs += window.wakeInMs(nowMs)!;
  window.take(nowMs);
  window.reply(refused("m0", full.replace("3 messages", "9 bytes")), nowMs);
  assert.deepEqual(outcomes(window.events()), ["waiting r"]);
  nowMs += 60_000;
  window.take(nowMs);
  window.reply(refused("m0", full.replace("3 messages", "9 bytes")), nowMs);
  assert.deepEqual(outcomes(window.events()), ["waiting r"]);
});

Deno.test("a wait for room ends when it was told how long, and its messages may be sent later", () => {
  const window = provenWindow(2, { fullWaitMs: 1_000, waitMs: 0 });
  window.take(0);
  window.reply(refused("m0", full), 0);
  window.reply(refused("m1", full), 0);
  window.take(1_000);
  window.reply(refused("m0", full), 1_000);
  const [, ...failed] = window.events();
  assert.deepEqual(outcomes(failed), ["failed m0", "failed m1"]);
  for (const event of failed) {
    assert(event.kind === "failed" && event.error.code === "limit" && !event.refused);
  }
});

Deno.test("after a route was full little is in flight, and twice as much whenever that was taken", () => {
  const window = provenWindow(4_000, { maxMessages: 5_000, lingerMs: 0 });
  assert.equal(ids(window.take(0)).length, 256);
  for (let at = 0; at < 256; at++) window.reply(refused(`m${at}`, full), 0);
  let nowMs = window.wakeInMs(0)!;
  const sizes: number[] = [];
  for (let at = 0; at < 1_023;) {
    const sent = ids(window.take(nowMs));
    assert.equal(window.take(nowMs), undefined);
    for (const id of sent) {
      assert.equal(id, `m${at++}`);
      window.reply(accepted(id), nowMs);
    }
    sizes.push(sent.length);
    nowMs++;
  }
  assert.deepEqual(sizes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
  // From here on as if it had never been full.
  window.reply(accepted(ids(window.take(nowMs))[0]!), nowMs);
  assert.equal(ids(window.take(nowMs)).length, 256);
});

Deno.test("a message with a time to live of its own travels alone, since only publish can say it", () => {
  const window = provenWindow(2);
  window.add({ ...message("short"), ttlMs: 5 }, 0);
  window.add(message("last"), 0);
  const commands = Array.from({ length: 3 }, () => window.take(0, true));
  assert.deepEqual(commands.map(ids), [["m0", "m1"], ["short"], ["last"]]);
  assert(commands[1]?.kind === "publish" && commands[1].ttlMs === 5);
  assert(commands[2]?.kind === "publish" && !("ttlMs" in commands[2]));
});

Deno.test("a refusal for another reason is reported at once and holds nothing up", () => {
  const window = provenWindow(3);
  window.take(0);
  window.reply(accepted("m0"), 0);
  window.reply(refused("m1", "Error: this message id was already used for another message"), 0);
  window.reply(accepted("m2"), 0);
  const events = window.events();
  assert.deepEqual(outcomes(events), ["accepted m0", "failed m1", "accepted m2"]);
  assert.ok(events[1]?.kind === "failed" && events[1].error.code === "conflict");
  assert.ok(events[1].refused);
});

Deno.test("a batch refused as a whole goes again message by message", () => {
  const window = provenWindow(3);
  window.take(0);
  assert.equal(
    window.reply({ kind: "failed", text: "Invalid batch format: too many messages" }, 0),
    true,
  );
  assert.deepEqual([
    ids(window.take(0, true)),
    ids(window.take(0, true)),
    ids(window.take(0, true)),
  ], [
    ["m0"],
    ["m1"],
    ["m2"],
  ]);
});

Deno.test("a reply that fits no message is a protocol error", () => {
  const isProtocol = (error: unknown) =>
    error instanceof CipherMqError && error.code === "protocol";
  const window = provenWindow(2);
  window.take(0);
  assert.throws(() => window.reply(accepted("m1"), 0), isProtocol);
  window.reply(accepted("m0"), 0);
  assert.throws(
    () => window.reply({ kind: "failed", text: "Invalid batch format: x" }, 0),
    isProtocol,
  );
  assert.throws(() => window.reply({ kind: "heartbeat_ok" }, 0), isProtocol);
});

/** A broker that keeps what it accepted, in order, and answers when asked to. */
class ModelBroker {
  readonly taken: PublishedMessage[] = [];
  readonly #known = new Map<string, Uint8Array>();
  readonly queues = new Set<string>();
  /** Queues that take nothing more. */
  readonly full = new Set<string>();
  #asked: { command: Command; done: number }[] = [];
  maxInFlight = 0;

  send(command: Command): void {
    this.#asked.push({ command, done: 0 });
    const count = this.#asked.reduce((sum, one) => sum + published(one.command).length, 0);
    this.maxInFlight = Math.max(this.maxInFlight, count);
  }

  /** Commits the next message, and gives the reply. */
  answer(): ReceivedReply | undefined {
    const next = this.#asked[0];
    if (next === undefined) return undefined;
    const { command } = next;
    const all = published(command);
    const one = all[next.done++]!;
    if (next.done === all.length) this.#asked.shift();
    const key = command.kind === "publish" || command.kind === "publish_batch"
      ? command.routingKey
      : "";
    if (!this.#known.has(one.id) && !this.queues.has(key)) {
      return refused(command.kind === "publish_batch" ? one.id : undefined);
    }
    const before = this.#known.get(one.id);
    if (before === undefined && this.full.has(key)) return refused(one.id, full);
    if (before === undefined) {
      this.#known.set(one.id, one.body);
      this.taken.push(one);
    } else assert.equal(before, one.body, "a message is sent again with the same bytes");
    return accepted(one.id);
  }

  /** Whether a message for `key` is not answered yet. */
  isAsked(key: string): boolean {
    return this.#asked.some(({ command }) => published(command)[0]!.receiver === key);
  }

  cut(): void {
    this.#asked = [];
  }
}

type Move =
  | "add"
  | "take"
  | "hurry"
  | "answer"
  | "lose reply"
  | "cut"
  | "time"
  | "queue"
  | "fill"
  | "room";

function play(moves: readonly (readonly [Move, number])[], options: WindowOptions): void {
  const window = new SenderWindow<OutgoingMessage>(halfway, options);
  const broker = new ModelBroker();
  const added: string[] = [];
  const ended: WindowEvent<OutgoingMessage>[] = [];
  let nowMs = 0;
  const answer = () => {
    const reply = broker.answer();
    if (reply !== undefined) window.reply(reply, nowMs);
  };
  const move = (kind: Move, n: number) => {
    if (kind === "add" && window.hasRoom(1, 10)) {
      added.push(`m${added.length}`);
      window.add(message(added.at(-1)!, `r${n % 3}`), nowMs);
    } else if (kind === "take" || kind === "hurry") {
      const command = window.take(nowMs, kind === "hurry");
      if (command !== undefined) broker.send(command);
    } else if (kind === "answer") answer();
    else if (kind === "lose reply") {
      broker.answer();
      broker.cut();
      window.lost();
    } else if (kind === "cut") {
      broker.cut();
      window.lost();
    } else if (kind === "time") nowMs += n * 10;
    else if (kind === "queue") broker.queues.add(`r${n % 3}`);
    else if (kind === "fill") broker.full.add(`r${n % 3}`);
    // A broker whose queue has room again while it refuses a row of messages would take the later ones.
    else if (kind === "room" && !broker.isAsked(`r${n % 3}`)) broker.full.delete(`r${n % 3}`);
    ended.push(...window.events());
  };
  for (const [kind, n] of moves) move(kind, n);
  while (broker.isAsked("r0") || broker.isAsked("r1") || broker.isAsked("r2")) answer();
  for (let route = 0; route < 3; route++) {
    move("queue", route);
    move("room", route);
  }
  for (let step = 0; window.pending > 0; step++) {
    assert.ok(step < 10_000, "everything ends once the faults stop");
    nowMs += window.wakeInMs(nowMs) ?? 0;
    move("take", 0);
    move("answer", 0);
  }
  checkRun(added, ended, broker, options);
}

function checkRun(
  added: readonly string[],
  ended: readonly WindowEvent<OutgoingMessage>[],
  broker: ModelBroker,
  options: WindowOptions,
): void {
  const outcome = new Map<string, string>();
  for (const event of ended) {
    if (event.kind === "waiting") continue;
    assert.equal(outcome.has(event.message.id), false, "every message ends once");
    outcome.set(event.message.id, event.kind);
  }
  assert.equal(outcome.size, added.length, "every message ends");
  const takenIds = new Set(broker.taken.map((one) => one.id));
  for (const [id, kind] of outcome) {
    if (kind === "accepted") assert.ok(takenIds.has(id), "what is reported accepted was accepted");
  }
  assert.ok(broker.maxInFlight <= options.maxMessages!, "nothing is sent outside the window");
  for (const route of ["r0", "r1", "r2"]) {
    const order = broker.taken.filter((one) => one.receiver === route).map((one) =>
      Number(one.id.slice(1))
    );
    assert.deepEqual(order, [...order].sort((a, b) => a - b), "each route keeps its order");
  }
}

Deno.test("whatever is cut, lost, refused or late, every message ends once and each route keeps its order", () => {
  const kinds: Move[] = [
    ...["add", "take", "hurry", "answer", "lose reply", "cut"] as const,
    ...["time", "queue", "fill", "room"] as const,
  ];
  const kind = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<Move>("add", "take", "answer") },
    { weight: 1, arbitrary: fc.constantFrom(...kinds) },
  );
  const moves = fc.array(fc.tuple(kind, fc.nat(20)), { maxLength: 150 });
  fc.assert(
    fc.property(moves, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }), (
      list,
      maxMessages,
      maxBatchMessages,
    ) => play(list, { maxMessages, maxBatchMessages, waitMs: 300, lingerMs: 5 })),
    { numRuns: 400 },
  );
});
