/**
 * What must be true of the disk, commit by commit: a model of its own of what lies in which queue, made
 * of nothing but the changes that became durable.
 *
 * - I1, I7: a message leaves its queue only by an ack of whom it is addressed to, by its time to live, by
 *   a purge that was asked for, or for the dead-letter queue, and for that there must be a reason. Nothing
 *   leaves a dead-letter queue by itself. A queue is deleted with what it has if that was asked for so.
 * - I2: what is stored was published, by this publisher, under this id, byte by byte, and lies in just
 *   the queues that the bindings say.
 * - I3, I8: one (publisher, id) is stored once within the duplicate horizon.
 * - I5: a delivery that came back is counted once.
 * - I10: in a lane, messages of one connection lie in the order in which they were published, and those
 *   of a real sender in the order in which they were given to it.
 * - I12: no queue holds more than it may, and a disk that is nearly full takes no message. What was
 *   delivered as often as its queue allows does not wait again.
 *
 * @module
 */
import type { Change } from "../../lib/core/effect.ts";
import type { MessageHead, MessageRef } from "../../lib/core/message.ts";
import { Bindings } from "./bindings.ts";
import { ExpiryChecker } from "./expiry_checker.ts";
import type { Scenario } from "./scenario.ts";
import type { Verdict } from "./verdict.ts";

/** One message in one queue. */
export interface Copy {
  readonly message: MessageHead;
  readonly body: string;
  readonly wallMs: number;
  /** The commit that brought it. */
  readonly batch: number;
  /** It was a dead letter once. */
  readonly moved: boolean;
  /** How often a delivery of it came back, as the disk knows. */
  deliveries: number;
  /** The commit that last brought it back; 0 when none did. */
  returnedBatch: number;
  /** It was written to a consumer. */
  written: boolean;
  /** Why it is no longer there. */
  gone?: "acked" | "expired" | "purged" | "moved" | "deleted";
}

/** A message that was accepted. */
export interface Accepted {
  readonly body: string;
  readonly monoMs: number;
  readonly jumps: number;
  readonly batch: number;
  readonly copies: Copy[];
}

/** What was seen of one published message on its way to the broker. */
export interface Attempt {
  readonly publisher: string;
  readonly id: string;
  readonly receiver: string;
  readonly exchange: string;
  readonly key: string;
  /** The connection it came on first, and its place there. */
  readonly connection: number;
  readonly place: number;
  readonly firstMs: number;
  /** How often it came. */
  times: number;
}

/** What others know that decide about changes. */
export interface Justification {
  /** What was published under these bytes. */
  attempt(body: string): Attempt | undefined;
  /** How many acks of `receiver` for `id` the broker was given. */
  acks(receiver: string, id: string): number;
  /** Whether `receiver` rejected `id` for good. */
  rejected(receiver: string, id: string): boolean;
  /** Whether somebody asked to purge the queue. */
  mayPurge(queue: string): boolean;
  /** Whether somebody asked to delete the queue: with force, or at all. */
  mayDelete(queue: string, force: boolean): boolean;
}

interface LaneState {
  next: number;
  readonly queued: Map<number, Copy>;
  /** Came back, and not written again since. */
  readonly waiting: Map<number, Copy>;
  /** The last place of each publisher's connection. */
  readonly places: Map<number, number>;
  /** The last number of each real sender's messages. */
  readonly numbers: Map<string, number>;
}

const decoder = new TextDecoder();

/** The disk as it must be. */
export class Ledger {
  readonly #verdict: Verdict;
  readonly #scenario: Scenario;
  readonly #nowMs: () => number;
  readonly #justify: Justification;
  readonly #lanes = new Map<string, LaneState>();
  readonly #accepted = new Map<string, Accepted>();
  readonly #queued = new Map<string, Copy[]>();
  readonly #sizes = new Map<string, number>();
  readonly #ackRemovals = new Map<string, number>();
  readonly #removed = new Set<string>();
  /** What was accepted, by receiver and id. */
  readonly #byReceiver = new Map<string, Accepted[]>();
  readonly #bindings: Bindings;
  /** What it knows of times to live. */
  readonly expiry: ExpiryChecker;
  /** Number and moment of the last commit that was asked for. */
  batch = 0;
  batchMs = 0;
  /** The disk is nearly full since then. */
  lowSinceMs = Infinity;
  /** How far the wall clock was set, back and forth, in milliseconds. */
  jumps = 0;
  /** How far when the present broker started: it does not look at it any more. */
  #jumpsAtStart = 0;

  /** An empty disk. */
  constructor(
    verdict: Verdict,
    scenario: Scenario,
    nowMs: () => number,
    justify: Justification,
  ) {
    this.#verdict = verdict;
    this.#scenario = scenario;
    this.#nowMs = nowMs;
    this.#justify = justify;
    this.#bindings = new Bindings(scenario.bindings);
    this.expiry = new ExpiryChecker(verdict, nowMs);
  }

  /** A broker starts. */
  started(): void {
    this.#jumpsAtStart = this.jumps;
    this.expiry.started();
  }

  /** A broker asks for a commit. */
  asked(wallMs: number): void {
    this.batch++;
    this.batchMs = this.#nowMs();
    this.expiry.asked(wallMs);
  }

  /** Changes are durable. */
  durable(changes: readonly Change[], wallMs: number): void {
    const fresh: (readonly [Copy, takers: readonly string[]])[] = [];
    for (const change of changes) {
      switch (change.kind) {
        case "enqueued": {
          const { message, body } = change;
          const copy = this.#enqueue(message, decoder.decode(body), wallMs);
          fresh.push([copy, this.#bindings.takers(message.exchange, message.routingKey)]);
          break;
        }
        case "removed":
          this.#remove(change.message, wallMs);
          break;
        case "moved":
          this.#move(change.from, change.message, wallMs);
          break;
        case "returned":
          this.#comeBack(change.message, change.deliveries);
          break;
        case "bound":
        case "unbound":
          this.#bindings.change(change);
          break;
        case "queue_deleted":
          this.#delete(change.queue);
      }
    }
    for (const [copy, takers] of fresh) this.#checkQueues(copy, takers);
  }

  /** What was accepted under an id. */
  accepted(publisher: string, id: string): Accepted | undefined {
    return this.#accepted.get(`${publisher} ${id}`);
  }

  /** Everything that was accepted. */
  get all(): Iterable<Accepted> {
    return this.#accepted.values();
  }

  /** The copies of a body that are queued. */
  queued(body: string): readonly Copy[] {
    return this.#queued.get(body) ?? NONE;
  }

  /** Whether a message of `receiver` under `id` was removed: by an ack, as far as a restart can know. */
  isRemoved(receiver: string, id: string): boolean {
    return this.#removed.has(`${receiver} ${id}`);
  }

  /** How many messages of `receiver` under `id` were removed by its acks. */
  ackRemovals(receiver: string, id: string): number {
    return this.#ackRemovals.get(`${receiver} ${id}`) ?? 0;
  }

  /** Whether an ack of `receiver` for `id` took effect and must not be forgotten. */
  mustConfirm(receiver: string, id: string): boolean {
    if (this.ackRemovals(receiver, id) === 0) return false;
    const meant = this.#byReceiver.get(`${receiver} ${id}`) ?? [];
    return meant.every((accepted) => this.mustRemember(accepted));
  }

  /** How many messages each queue holds; empty ones may be missing. */
  get sizes(): ReadonlyMap<string, number> {
    return this.#sizes;
  }

  /** The lanes that have messages, as [queue, receiver]. */
  lanes(): [string, string][] {
    const found: [string, string][] = [];
    for (const [name, { queued }] of this.#lanes) {
      if (queued.size > 0) found.push(name.split(" ") as [string, string]);
    }
    return found;
  }

  /** Messages that came back before the present commit, wait, and stand before `copy`. */
  overtaken(copy: Copy): Copy | undefined {
    const lane = this.#lane(copy.message);
    for (const one of lane.waiting.values()) {
      const hasTime = one.message.expiresMs === 0;
      if (one.message.seq < copy.message.seq && one.returnedBatch < this.batch && hasTime) {
        return one;
      }
    }
    return undefined;
  }

  /** A copy was written to a consumer. */
  wrote(copy: Copy): void {
    copy.written = true;
    this.#lane(copy.message).waiting.delete(copy.message.seq);
  }

  /** Whether an id that was accepted then must still be remembered. */
  mustRemember({ monoMs, jumps }: Accepted): boolean {
    const ageMs = this.#nowMs() - monoMs + (this.jumps - jumps);
    return ageMs < this.#scenario.limits.duplicateHorizonMs! - 1_000;
  }

  #enqueue(message: MessageHead, body: string, wallMs: number): Copy {
    const { publisher, id } = message;
    const copy = this.#append(message, body, wallMs, false);
    const name = `${publisher} ${id}`;
    const before = this.#accepted.get(name);
    if (before?.batch === this.batch && before.body === body) {
      const twice = before.copies.some((one) => one.message.queue === message.queue);
      this.#verdict.require(!twice, "I3", () => `${name} is queued twice in ${message.queue}`);
      before.copies.push(copy);
    } else {
      const known = before !== undefined && this.mustRemember(before);
      this.#verdict.require(!known, "I3", () => `${name} is stored once more`);
      if (before === undefined) this.#checkNumber(message);
      const facts = { body, monoMs: this.#nowMs(), jumps: this.#jumpsAtStart, batch: this.batch };
      this.#remember(name, `${message.receiver} ${id}`, { ...facts, copies: [copy] });
    }
    this.#checkAttempt(copy);
    return copy;
  }

  /** Real senders number what they send: whatever is refused or lost on the way, the order stays. */
  #checkNumber(message: MessageHead): void {
    const { publisher, id } = message;
    const number = Number(/^s\d+-(\d+)$/.exec(id)?.[1] ?? NaN);
    if (Number.isNaN(number)) return;
    const { numbers } = this.#lane(message);
    const last = numbers.get(publisher) ?? -1;
    this.#verdict.require(
      last < number,
      "I10",
      () => `${publisher} ${id} is stored behind number ${last}`,
    );
    numbers.set(publisher, number);
  }

  #remember(name: string, meant: string, accepted: Accepted): void {
    this.#accepted.set(name, accepted);
    const others = this.#byReceiver.get(meant);
    if (others === undefined) this.#byReceiver.set(meant, [accepted]);
    else others.push(accepted);
  }

  #checkAttempt({ message, body }: Copy): void {
    const { publisher, id, receiver, queue } = message;
    const attempt = this.#justify.attempt(body);
    const same = attempt !== undefined && attempt.publisher === publisher &&
      attempt.id === id && attempt.receiver === receiver;
    if (!same) {
      return this.#verdict.report("I2", `${publisher} never published ${id} like this`);
    }
    this.#verdict.require(
      attempt.firstMs <= this.lowSinceMs,
      "I12",
      () => `${publisher} ${id} was taken while the disk is nearly full`,
    );
    const most = this.#scenario.queue(queue)?.options.maxMessages ?? Infinity;
    this.#verdict.require(this.#sizes.get(queue)! <= most, "I12", () => `${queue} is too full`);
    if (attempt.times > 1) return;
    const { places } = this.#lane(message);
    const last = places.get(attempt.connection) ?? -1;
    this.#verdict.require(last < attempt.place, "I10", () => `${publisher} ${id} was overtaken`);
    places.set(attempt.connection, attempt.place);
  }

  #checkQueues({ message, body }: Copy, expected: readonly string[]): void {
    const { publisher, id } = message;
    const attempt = this.#justify.attempt(body);
    if (attempt === undefined) return;
    const fresh = this.accepted(publisher, id)!.copies.filter((copy) => !copy.moved);
    const queues = fresh.map((copy) => copy.message.queue);
    this.#verdict.require(
      queues.toSorted().join() === expected.join(),
      "I1",
      () => `${publisher} ${id} is in ${queues}, and not in ${expected}`,
    );
  }

  #remove(ref: MessageRef, wallMs: number): void {
    const copy = this.#copyAt(ref);
    if (copy === undefined) return;
    const { receiver, queue } = ref;
    const { id, expiresMs } = copy.message;
    const name = `${receiver} ${id}`;
    const isOver = expiresMs > 0 && (expiresMs <= wallMs || this.jumps > 0);
    const acked = this.ackRemovals(receiver, id);
    this.#removed.add(name);
    const mayExpire = isOver && this.#scenario.queue(queue)?.options.expired === "remove";
    const mayPurge = this.#justify.mayPurge(queue);
    if (acked < this.#justify.acks(receiver, id)) {
      // Which of them it was cannot be seen: then the ack may still remove another one.
      if (!mayExpire && !mayPurge) this.#ackRemovals.set(name, acked + 1);
      return this.#leave(copy, "acked");
    }
    if (mayExpire) return this.#leave(copy, "expired");
    this.#verdict.require(
      mayPurge,
      "I7",
      () => `${name} left ${queue}, and ${receiver} has acknowledged ${acked} of that id`,
    );
    this.#leave(copy, "purged");
  }

  #move(from: MessageRef, message: MessageHead, wallMs: number): void {
    const copy = this.#copyAt(from);
    if (copy === undefined) return;
    const { id, publisher, receiver, dead, queue } = message;
    const old = copy.message;
    const same = old.id === id && old.publisher === publisher && old.receiver === receiver;
    const to = dead === undefined ? old.dead?.queue : `${from.queue}.dead`;
    this.#verdict.require(
      same && to === queue,
      "I1",
      () => `${publisher} ${id} went from ${from.queue} to ${queue}`,
    );
    if (dead !== undefined) this.#checkDeath(copy, dead, wallMs);
    this.#leave(copy, "moved");
    const moved = this.#append(message, copy.body, copy.wallMs, true);
    this.accepted(publisher, id)?.copies.push(moved);
  }

  #checkDeath(
    { message, deliveries }: Copy,
    dead: NonNullable<MessageHead["dead"]>,
    wallMs: number,
  ): void {
    const { id, receiver, queue, expiresMs } = message;
    const most = this.#mostDeliveries(queue);
    const justified = {
      rejected: this.#justify.rejected(receiver, id),
      expired: expiresMs > 0 && (expiresMs <= wallMs || this.jumps > 0) &&
        this.#scenario.queue(queue)?.options.expired !== "remove",
      max_deliveries: most > 0 && dead.deliveries >= most && deliveries >= most - 1,
    }[dead.reason];
    this.#verdict.require(
      justified && !queue.endsWith(".dead"),
      "I1",
      () => `${id} died in ${queue}: ${dead.reason}`,
    );
    if (dead.reason === "expired" && dead.deliveries === 0) this.expiry.expired(message);
  }

  /** How often a message is delivered from a queue before it is a dead letter; 0: for ever. */
  #mostDeliveries(queue: string): number {
    if (queue.endsWith(".dead")) return 0;
    const { maxDeliveries } = this.#scenario.queue(queue)?.options ?? {};
    return maxDeliveries ?? this.#scenario.limits.maxDeliveries!;
  }

  #delete(queue: string): void {
    this.#bindings.deleted(queue);
    const mayLose = this.#justify.mayDelete(queue, true);
    const isAsked = mayLose || this.#justify.mayDelete(queue, false);
    this.#verdict.require(isAsked, "I1", () => `${queue} is deleted, and nobody asked for it`);
    for (const [name, { queued }] of this.#lanes) {
      if (!name.startsWith(`${queue} `)) continue;
      for (const copy of queued.values()) {
        const { receiver, id } = copy.message;
        this.#verdict.require(mayLose, "I1", () => `${id} of ${receiver} was lost with ${queue}`);
        // What a deleted queue had is remembered as if it had been acknowledged.
        this.#removed.add(`${receiver} ${id}`);
        this.#leave(copy, "deleted");
      }
    }
  }

  #comeBack(ref: MessageRef, deliveries: number): void {
    const copy = this.#copyAt(ref);
    if (copy === undefined) return;
    const { id, queue } = copy.message;
    this.#verdict.require(
      deliveries === copy.deliveries + 1,
      "I5",
      () => `${id} came back to ${queue} as delivery ${deliveries} after ${copy.deliveries}`,
    );
    const most = this.#mostDeliveries(queue);
    this.#verdict.require(
      most === 0 || deliveries < most,
      "I12",
      () => `${id} waits in ${queue} again after ${deliveries} deliveries of ${most}`,
    );
    copy.deliveries = deliveries;
    copy.returnedBatch = this.batch;
    this.#lane(ref).waiting.set(ref.seq, copy);
  }

  #append(message: MessageHead, body: string, wallMs: number, moved: boolean): Copy {
    const { queue, seq } = message;
    const lane = this.#lane(message);
    this.#verdict.require(
      seq === lane.next,
      "I14",
      () => `place ${seq} of ${queue} is taken after ${lane.next - 1}`,
    );
    lane.next = seq + 1;
    const facts = { message, body, wallMs, moved, batch: this.batch };
    const copy: Copy = { ...facts, deliveries: 0, returnedBatch: 0, written: false };
    lane.queued.set(seq, copy);
    this.#sizes.set(queue, (this.#sizes.get(queue) ?? 0) + 1);
    const copies = this.#queued.get(body);
    if (copies === undefined) this.#queued.set(body, [copy]);
    else copies.push(copy);
    return copy;
  }

  #leave(copy: Copy, why: NonNullable<Copy["gone"]>): void {
    const { message, body } = copy;
    copy.gone = why;
    const lane = this.#lane(message);
    lane.queued.delete(message.seq);
    lane.waiting.delete(message.seq);
    this.#sizes.set(message.queue, this.#sizes.get(message.queue)! - 1);
    this.#queued.set(body, this.queued(body).filter((one) => one !== copy));
  }

  #copyAt(ref: MessageRef): Copy | undefined {
    const copy = this.#lane(ref).queued.get(ref.seq);
    const { queue, receiver, seq } = ref;
    this.#verdict.require(
      copy !== undefined,
      "I14",
      () => `what is not there is changed: ${queue} ${receiver} ${seq}`,
    );
    return copy;
  }

  #lane({ queue, receiver }: MessageRef): LaneState {
    const name = `${queue} ${receiver}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = {
        next: 0,
        queued: new Map(),
        waiting: new Map(),
        places: new Map(),
        numbers: new Map(),
      };
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}

const NONE: readonly Copy[] = [];
