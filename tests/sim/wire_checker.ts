/**
 * What must be true of every line between clients and broker.
 *
 * - I1, I4: `ACK` and `ACK_CONFIRMED` leave after the disk has what they say. What is delivered is queued
 *   on the disk at that moment, so nothing is delivered again after its ack was confirmed.
 * - I2: what is delivered was published, byte by byte.
 * - I5: no more live leases of a message than there are copies of it; and a lease ends with its connection.
 * - I6: a message goes to whom it is addressed.
 * - I7: whom an ack is counted for is whoever sent it.
 * - I8: the same id with the same content is `ACK`ed, with other content it is not.
 * - I10: first deliveries keep the order of their lane, and what came back goes before them.
 * - I12: what waits to be sent to a client is bounded, and so is what a subscription holds. What is over
 *   is not delivered.
 * - I13: every reply is one line, of a kind that answers the command whose turn it is.
 *
 * @module
 */
import type { Change } from "../../lib/core/effect.ts";
import { type Asked, Conversation, type Delivered } from "./conversation.ts";
import { CreditChecker } from "./credit_checker.ts";
import type { Attempt, Copy, Justification, Ledger } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import type { SimulatedWire, WireObserver } from "./simulated_wire.ts";
import type { Verdict } from "./verdict.ts";

/** Who is told what the broker was asked by real receivers. */
export interface AckWatch {
  /** A client acknowledges a delivery, or something it was not given. */
  acked(wire: SimulatedWire, id: string, delivered: Delivered | undefined): void;
}

const FAILURE = /^(?:Error|Missing|Invalid|Unknown)\b/;
const ENVELOPE = /\{"message_id":"([^"]+)","receiver_client_id":"([^"]+)"[^}]*\}/g;
/** Clients that speak nonsense on purpose have such names. */
const MISBEHAVING = /^mallory/;

/** Replies to what a connection may have waiting, among them long ones. */
const MAX_REPLIES_BYTES = 200_000;

const EMPTYING = new Set(["purge", "delete_queue"]);

/** The one reply of a command that has only one when it worked. */
const REPLIES: Readonly<Record<string, RegExp>> = {
  declare_exchange: /^Exchange declared$/,
  declare_queue: /^Queue declared$/,
  bind: /^Queue bound$/,
  consume: /^Subscribed to queue$/,
  fetch: /^(?:Message: |No messages$)/,
  nack: /^NACK_CONFIRMED /,
  ack: /^ACK_CONFIRMED /,
  touch: /^TOUCHED /,
  dead_letters: /^Dead letters: \[/,
  redrive: /^Redriven: \d+$/,
  register_key: /^Public key registered$/,
  get_key: /^(?:Public key: |No public key found$)/,
  stats: /^Stats: \{/,
  heartbeat: /^HEARTBEAT_OK$/,
  purge: /^Queue purged: \d+$/,
  unbind: /^Queue unbound$/,
  delete_queue: /^Queue deleted$/,
};

/** Watches all connections. */
export class WireChecker implements WireObserver, Justification {
  readonly #verdict: Verdict;
  readonly #scenario: Scenario;
  readonly #nowMs: () => number;
  readonly #credit: CreditChecker;
  readonly #conversations = new Map<SimulatedWire, Conversation>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #acks = new Map<string, number>();
  readonly #rejected = new Set<string>();
  /** Commands that empty or delete a queue and wait for their replies, each as often as it was asked. */
  readonly #emptying: string[] = [];
  /** Deliveries whose connection ended: the next commit that is asked for takes them back. */
  #orphans: Delivered[] = [];
  #due: Delivered[] = [];
  readonly #closedMs = new Map<string, number>();
  ledger!: Ledger;
  watch: AckWatch = { acked: () => {} };
  /** Commands and replies seen. */
  lines = 0;

  /** Watches from the beginning on. */
  constructor(verdict: Verdict, scenario: Scenario, nowMs: () => number) {
    this.#verdict = verdict;
    this.#scenario = scenario;
    this.#nowMs = nowMs;
    this.#credit = new CreditChecker(verdict, scenario, (lease) => this.#isLive(lease));
  }

  sent(from: SimulatedWire, chunk: Uint8Array): void {
    if (!from.isBrokers) return;
    const conversation = this.#of(from);
    for (const line of conversation.fromBroker.push(chunk)) this.#said(conversation, line);
    const { limits } = this.#scenario;
    const most = 2 * limits.maxUnsentBytes! + MAX_REPLIES_BYTES;
    this.#verdict.require(
      from.unsentBytes <= most,
      "I12",
      () => `${from.unsentBytes} bytes wait to be sent to ${from.identity}`,
    );
  }

  arrived(to: SimulatedWire, chunk: Uint8Array): void {
    if (!to.isBrokers) return;
    const conversation = this.#of(to);
    if (conversation.over) return;
    const { maxLineBytes } = this.#scenario.limits;
    for (const line of conversation.toBroker.push(chunk)) {
      conversation.over ||= line.length > maxLineBytes!;
      this.#asks(to, conversation, line);
      if (conversation.over) return;
    }
    if (conversation.toBroker.unfinished <= maxLineBytes!) return;
    conversation.over = true;
    this.#asks(to, conversation, "?");
  }

  closed(wire: SimulatedWire): void {
    const conversation = this.#conversations.get(wire);
    if (conversation === undefined) return;
    conversation.closed = true;
    this.#verdict.note(`closed ${conversation.number}`);
    this.#closedMs.set(conversation.identity, this.#nowMs());
    this.#orphans.push(...conversation.leases);
    this.#conversations.delete(wire);
  }

  /** The broker is gone, and with it all leases. */
  brokerGone(): void {
    for (const conversation of this.#conversations.values()) conversation.closed = true;
    this.#conversations.clear();
    this.#orphans = [];
    this.#due = [];
    this.#emptying.length = 0;
  }

  /** A commit is asked for: what lost its connection before must be in it. */
  commitAsked(): void {
    this.#due.push(...this.#orphans);
    this.#orphans = [];
  }

  /** It is durable. */
  commitDurable(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "queue_deleted") this.#unsubscribe(change.queue);
    }
    for (const { copy, deliveries, id, conversation } of this.#due) {
      if (copy === undefined || copy.gone !== undefined) continue;
      this.#verdict.require(
        copy.deliveries > deliveries,
        "I5",
        () => `the lease of ${id} outlived connection ${conversation.number}`,
      );
    }
    this.#due = [];
  }

  /** A queue is gone, and with it its leases: where their queue is not known, they may be among them. */
  #unsubscribe(queue: string): void {
    for (const conversation of this.#conversations.values()) {
      conversation.credit.delete(queue);
      conversation.leases = conversation.leases.filter(({ copy }) => copy !== undefined);
    }
  }

  /** Connections that are open at the broker. */
  get open(): Iterable<Conversation> {
    return this.#conversations.values();
  }

  attempt(body: string): Attempt | undefined {
    return this.#attempts.get(body);
  }

  acks(receiver: string, id: string): number {
    return this.#acks.get(`${receiver} ${id}`) ?? 0;
  }

  rejected(receiver: string, id: string): boolean {
    return this.#rejected.has(`${receiver} ${id}`);
  }

  mayPurge(queue: string): boolean {
    const line = `purge ${queue}`;
    return this.#emptying.includes(line) || this.#emptying.includes(`${line} force`);
  }

  mayDelete(queue: string, force: boolean): boolean {
    return this.#emptying.includes(`delete_queue ${queue}${force ? " force" : ""}`);
  }

  #of(wire: SimulatedWire): Conversation {
    let conversation = this.#conversations.get(wire);
    if (conversation === undefined) {
      conversation = new Conversation(wire.peer, ++this.#connections);
      this.#conversations.set(wire, conversation);
    }
    return conversation;
  }

  #connections = 0;

  /** The broker has taken a line. */
  #asks(wire: SimulatedWire, conversation: Conversation, line: string): void {
    this.lines++;
    if (this.#verdict.isTraced) this.#note(conversation, ">", line);
    const space = line.indexOf(" ");
    const verb = space === -1 ? line : line.slice(0, space);
    const rest = line.slice(space + 1);
    const key = `${conversation.identity} ${rest}`;
    const ackedBefore = verb === "ack" && this.ledger.mustConfirm(conversation.identity, rest);
    const published = verb === "publish" || verb === "publish_batch"
      ? this.#publishes(conversation, line)
      : NOTHING;
    let lease: Delivered | undefined;
    if (verb === "ack" || verb === "nack") {
      const [id, dead] = rest.split(" ") as [string, string?];
      lease = conversation.endLease(id, this.#isLive);
      const delivered = conversation.settle(id);
      if (verb === "ack") {
        this.#acks.set(key, (this.#acks.get(key) ?? 0) + 1);
        this.watch.acked(wire.peer, rest, delivered);
      } else if (dead === "dead") this.#rejected.add(`${conversation.identity} ${id}`);
    } else if (EMPTYING.has(verb)) this.#emptying.push(line);
    else if (verb === "fetch") conversation.fetches = true;
    const known = published.map((one) => this.#knows(conversation.identity, one));
    conversation.asked.push({
      verb,
      line,
      published,
      answered: 0,
      known,
      lease,
      ackedBefore,
    });
  }

  #publishes(
    conversation: Conversation,
    line: string,
  ): { readonly id: string; readonly body: string }[] {
    const [, exchange, key] = line.split(" ", 3);
    const published = [];
    for (const [body, id, receiver] of line.matchAll(ENVELOPE)) {
      published.push({ id: id!, body });
      const place = conversation.published++;
      const attempt = this.#attempts.get(body);
      if (attempt !== undefined) {
        attempt.times++;
        continue;
      }
      this.#attempts.set(body, {
        publisher: conversation.identity,
        id: id!,
        receiver: receiver!,
        exchange: exchange!,
        key: key!,
        connection: conversation.number,
        place,
        firstMs: this.#nowMs(),
        times: 1,
      });
    }
    return published;
  }

  /** What the disk has under an id now, and must not forget. */
  #knows(
    publisher: string,
    { id, body }: { readonly id: string; readonly body: string },
  ): "same" | "other" | undefined {
    const accepted = this.ledger.accepted(publisher, id);
    if (accepted === undefined || !this.ledger.mustRemember(accepted)) return undefined;
    return accepted.body === body ? "same" : "other";
  }

  /** The broker has written a line. */
  #said(conversation: Conversation, line: string): void {
    this.lines++;
    if (this.#verdict.isTraced) this.#note(conversation, "<", line);
    const isMessage = line.startsWith("Message: ");
    if (isMessage) this.#delivers(conversation, line);
    const asked = conversation.asked.peek();
    if (isMessage && asked?.verb !== "fetch") return;
    if (asked === undefined) {
      return this.#verdict.report("I13", `${conversation.identity} is told what it did not ask`);
    }
    if (this.#answers(conversation, asked, line)) conversation.asked.shift();
  }

  /** Checks one reply; true when it is the command's last. */
  #answers(conversation: Conversation, asked: Asked, line: string): boolean {
    const { verb, published } = asked;
    const failed = FAILURE.test(line);
    if (verb === "publish" || verb === "publish_batch") {
      return this.#answersPublish(conversation, asked, line, failed);
    }
    const fits = failed || (REPLIES[verb]?.test(line) ?? false);
    const sane = !failed || line.startsWith("Error") || MISBEHAVING.test(conversation.identity);
    this.#verdict.require(fits && sane, "I13", () => `'${asked.line}' is answered '${line}'`);
    if ((verb === "ack" || verb === "nack") && !failed && !this.#inTime(asked.lease)) {
      this.#endsLate(conversation, asked.line.split(" ")[1]!);
    }
    if (verb === "ack") this.#answersAck(conversation, asked, line, failed);
    if (verb === "touch" && !failed) this.#touched(conversation, line.slice(8));
    if (verb === "consume" && !failed) this.#credit.subscribed(conversation, asked.line);
    const emptied = this.#emptying.indexOf(asked.line);
    if (emptied !== -1) this.#emptying.splice(emptied, 1);
    return published.length === 0;
  }

  /** It ended a lease that began meanwhile, or one of another connection, which cannot be told apart. */
  #endsLate(conversation: Conversation, id: string): void {
    if (conversation.endLease(id, this.#isLive) !== undefined) return;
    for (const other of this.#conversations.values()) {
      if (other.identity !== conversation.identity) continue;
      other.leases = other.leases.filter((lease) => lease.id !== id);
    }
  }

  #answersAck({ identity }: Conversation, asked: Asked, line: string, failed: boolean): void {
    const id = asked.line.slice(4);
    if (failed) {
      return this.#verdict.require(
        !asked.ackedBefore,
        "I4",
        () => `${identity} acked ${id} again and was told '${line}'`,
      );
    }
    this.#verdict.require(line === `ACK_CONFIRMED ${id}`, "I13", () => `'${line}' for ${id}`);
    this.#verdict.require(
      this.ledger.isRemoved(identity, id),
      "I4",
      () => `${id} of ${identity} is confirmed and not removed on the disk`,
    );
  }

  #touched(conversation: Conversation, id: string): void {
    // What is over is not prolonged.
    conversation.leases = conversation.leases.filter(this.#isLive);
    for (const delivered of conversation.leases) {
      if (delivered.id === id) delivered.sinceMs = this.ledger.batchMs;
    }
  }

  #answersPublish(
    conversation: Conversation,
    asked: Asked,
    line: string,
    failed: boolean,
  ): boolean {
    const { published, answered } = asked;
    const one = published[answered];
    const isWhole = one === undefined || (failed && !line.endsWith(` for message ${one.id}`));
    if (isWhole) {
      const may = MISBEHAVING.test(conversation.identity) || conversation.over;
      this.#verdict.require(
        failed && answered === 0 && may,
        "I13",
        () => `'${asked.line.slice(0, 60)}' is answered '${line}'`,
      );
      return true;
    }
    asked.answered++;
    this.#checkOutcome(conversation.identity, one, line, asked.known[answered]);
    return asked.answered === published.length;
  }

  #checkOutcome(
    publisher: string,
    { id, body }: { readonly id: string; readonly body: string },
    line: string,
    known: "same" | "other" | undefined,
  ): void {
    const accepted = this.ledger.accepted(publisher, id);
    const name = `${publisher} ${id}`;
    if (line === `ACK ${id}`) {
      this.#verdict.require(accepted !== undefined, "I1", () => `ACK ${name} is not on the disk`);
      this.#verdict.require(
        accepted?.body === body && known !== "other",
        "I8",
        () => `ACK ${name} is for other content`,
      );
      return;
    }
    this.#verdict.require(line.startsWith("Error: "), "I13", () => `publish ${name}: '${line}'`);
    this.#verdict.require(known !== "same", "I8", () => `${name} again is answered '${line}'`);
    if (!/already used/.test(line)) return;
    this.#verdict.require(
      accepted !== undefined && accepted.body !== body,
      "I8",
      () => `${name} is new and answered '${line}'`,
    );
  }

  #delivers(conversation: Conversation, line: string): void {
    const space = line.indexOf(" ", 9);
    const id = line.slice(9, space);
    const body = line.slice(space + 1);
    const attempt = this.#attempts.get(body);
    const { identity } = conversation;
    if (attempt === undefined || attempt.id !== id) {
      return this.#verdict.report("I2", `${identity} is given ${id}, which nobody published`);
    }
    this.#verdict.require(
      attempt.receiver === identity,
      "I6",
      () => `${identity} is given ${id}, which is for ${attempt.receiver}`,
    );
    const copies = this.ledger.queued(body);
    this.#verdict.require(
      copies.length > 0,
      "I4",
      () => `${identity} is given ${id}, which is in no queue on the disk`,
    );
    this.#verdict.require(
      copies.length === 0 || copies.some(({ message }) => !this.ledger.expiry.isOver(message)),
      "I12",
      () => `${identity} is given ${id}, whose time is over`,
    );
    const live = this.#liveLeases(body, identity);
    this.#verdict.require(
      live < copies.length || isGivenBack(conversation, id),
      "I5",
      () => `${id} is leased ${live + 1} times in ${copies.length} queues`,
    );
    const copy = copies.length === 1 ? copies[0] : undefined;
    if (copy !== undefined) this.#checkOrder(conversation, copy);
    for (const one of copies) this.ledger.wrote(one);
    const deliveries = copy?.deliveries ?? 0;
    const sinceMs = this.ledger.batchMs;
    const lease = { body, id, conversation, copies, copy, deliveries, sinceMs };
    conversation.held.push(lease);
    conversation.leases.push(lease);
    if (copy !== undefined) this.#credit.delivered(conversation, copy);
  }

  /** A copy that is gone, by a late ack of another connection too, may have been the leased one. */
  readonly #isLive = (lease: Delivered): boolean =>
    lease.copies.every(({ gone }) => gone === undefined) && this.#inTime(lease);

  /** Whether a lease has not run out: a command that waited for the disk may come too late for it. */
  #inTime(lease: Delivered | undefined): boolean {
    return lease !== undefined &&
      this.ledger.batchMs - lease.sinceMs < this.#scenario.ackTimeoutMs;
  }

  #liveLeases(body: string, receiver: string): number {
    let count = 0;
    for (const { identity, leases } of this.#conversations.values()) {
      if (identity !== receiver) continue;
      for (const lease of leases) if (lease.body === body && this.#isLive(lease)) count++;
    }
    return count;
  }

  #checkOrder(conversation: Conversation, copy: Copy): void {
    if (copy.written || copy.deliveries > 0) return;
    const { queue, seq, id } = copy.message;
    const last = conversation.places.get(queue) ?? -1;
    this.#verdict.require(last < seq, "I10", () => `${id} is delivered behind place ${last}`);
    conversation.places.set(queue, seq);
    if (!this.#isOnlyOne(conversation)) return;
    const before = this.ledger.overtaken(copy);
    this.#verdict.require(
      before === undefined,
      "I10",
      () => `${id} is delivered before ${before!.message.id}, which came back to ${queue}`,
    );
  }

  /** Whether nobody else can have been given what came back. */
  #isOnlyOne({ identity }: Conversation): boolean {
    if ((this.#closedMs.get(identity) ?? -1) >= this.ledger.batchMs) return false;
    let count = 0;
    for (const one of this.#conversations.values()) if (one.identity === identity) count++;
    return count === 1;
  }

  #note(conversation: Conversation, mark: string, line: string): void {
    this.#verdict.note(`${conversation.number} ${conversation.identity} ${mark} ${line}`);
  }
}

/** Whether a nack that waits for its reply may have ended the delivery before it was written. */
function isGivenBack({ asked }: Conversation, id: string): boolean {
  for (const { verb, line } of asked) {
    if (verb === "nack" && line.split(" ")[1] === id) return true;
  }
  return false;
}

const NOTHING: readonly { readonly id: string; readonly body: string }[] = [];
