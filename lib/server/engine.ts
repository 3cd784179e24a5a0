/**
 * The heart of the running broker. It steps what waits through the core, commits all of it as one,
 * and only then lets answers and deliveries out: no ACK can leave before its message is on disk.
 * What arrives during a commit is the next batch, which is how the store gets large commits under
 * load and short ones without it. Acknowledgements alone may wait a moment for what comes next.
 *
 * @module
 */
import type { Clock, Now } from "../base/clock.ts";
import { CipherMqError, messageOf } from "../base/errors.ts";
import type { Cancel, Timers } from "../base/timers.ts";
import type { Broker } from "../core/broker.ts";
import type { Answer, Effect } from "../core/effect.ts";
import type { ConnectionId, Input } from "../core/input.ts";
import type { Message, MessageHead } from "../core/message.ts";
import type { Step } from "../session/session.ts";
import type { Store } from "../store/store.ts";
import type { Reply } from "../wire/reply.ts";
import { Batch, type Release } from "./batch.ts";
import { Turns } from "./turns.ts";

/**
 * Acknowledgements wait about so long for a commit that is made anyway, where there was one so short a
 * time ago: with a message or more per millisecond they need no commits of their own.
 */
const PATIENCE_MS = 3;
/** Who has waited in vain does not wait again for so long: it may be the only one that would bring company. */
const ALONE_MS = 100;

/** A step that is the engine's to answer: one that is answered without the store's commit is not. */
export type EngineStep = Exclude<Step, { readonly kind: "backup" }>;

const NO_BODIES: ReadonlyMap<Message, Uint8Array> = new Map();
/** Stands for the broker itself where an input is of no connection. */
const NO_CONNECTION = 0;

/** A connection as the engine sees it. */
export interface Outlet {
  /** Says what the core answered. */
  answer(answer: Answer): void;
  /** Says what needed no core. */
  reply(reply: Reply): void;
  /** Hands a message over. */
  deliver(message: MessageHead, body: Uint8Array): void;
  /** A message that would have been handed over was acknowledged elsewhere just now. */
  withdrawn(message: MessageHead): void;
  /** A submission of `steps` steps and `bytes` bytes is answered. */
  released(steps: number, bytes: number): void;
  /** Sends what was said. */
  flush(): void;
  /** Ends the connection after what was said. */
  close(): void;
}

/** What an engine needs. */
export interface EngineOptions {
  /** The state machine. */
  readonly broker: Broker;
  /** Its durable memory. */
  readonly store: Store;
  /** Where the time comes from. */
  readonly clock: Clock;
  /** Runs turns when the event loop has taken what has arrived, and what can wait a little later. */
  readonly timers: Pick<Timers, "soon" | "after">;
  /** Called once when the broker must stop: its memory may be ahead of its disk. */
  readonly onFailure: (error: CipherMqError) => void;
}

interface Submission {
  readonly connection: ConnectionId;
  readonly steps: readonly EngineStep[];
  readonly bytes: number;
  readonly arrivedMs: number;
  /** How many of its steps were done in earlier commits. */
  done: number;
}

type ReleaseOf<Kind> = Extract<Release, { readonly kind: Kind }>;

/** Runs a broker against a store. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #outlets = new Map<ConnectionId, Outlet>();
  readonly #touched = new Set<Outlet>();
  readonly #waiting = new Turns<Submission>();
  #batch = new Batch();
  /** When the last commit ended that somebody waited for. */
  #awaitedMs = -Infinity;
  /** When acknowledgements may wait again. */
  #aloneUntilMs = -Infinity;
  /** Takes back the end of the batch's patience. */
  #patience: Cancel | undefined;
  #running = false;
  #failed = false;
  #nextConnection = 1;
  #forgetBeforeMs: number | undefined;
  #idle: (() => void)[] = [];

  /** Makes an engine that has nothing to do yet. */
  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Takes a new connection in and gives it its number. */
  attach(identity: string, outlet: Outlet): ConnectionId {
    const connection = this.#nextConnection++;
    this.#outlets.set(connection, outlet);
    this.#submitInput({ kind: "connected", connection, identity });
    return connection;
  }

  /** Lets a connection go that has ended; what it holds goes back to the queues. */
  detach(connection: ConnectionId): void {
    if (!this.#outlets.delete(connection)) return;
    this.#submitInput({ kind: "disconnected", connection });
  }

  /** Lets the core see that time has passed. */
  tick(): void {
    this.#submitInput({ kind: "tick" });
  }

  /** Tells the core whether the disk is nearly full: at once, or what had its turn before would fill it. */
  disk(low: boolean): void {
    this.#options.broker.disk(low);
  }

  /** Tells that a connection has sent what was pushed to it. */
  drained(connection: ConnectionId): void {
    this.#submitInput({ kind: "drained", connection });
  }

  /** Takes the steps of a connection, whose `bytes` are freed when they are answered. */
  submit(connection: ConnectionId, steps: readonly EngineStep[], bytes: number): void {
    if (this.#failed) return;
    const arrivedMs = this.#options.clock.now().monoMs;
    this.#waiting.add({ connection, steps, bytes, arrivedMs, done: 0 });
    this.#wake();
  }

  /** Lets the store forget messages that are removed and were accepted before `wallMs`, piece by piece. */
  forget(wallMs: number): void {
    if (this.#failed) return;
    this.#forgetBeforeMs = wallMs;
    this.#wake();
  }

  /** Leaves what is not forgotten yet for another time: after a long pause it can take a minute. */
  stopForgetting(): void {
    this.#forgetBeforeMs = undefined;
  }

  /** Resolves when nothing waits any more, or the engine has failed. */
  idle(): Promise<void> {
    if (this.#failed || this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #submitInput(input: Input): void {
    const connection = "connection" in input ? input.connection : NO_CONNECTION;
    this.submit(connection, [{ kind: "input", input }], 0);
  }

  get #isIdle(): boolean {
    return !this.#running && this.#waiting.empty && this.#batch.isEmpty;
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#options.timers.soon(() => this.#turn());
  }

  async #turn(): Promise<void> {
    try {
      const now = this.#options.clock.now();
      this.#fillBatch(now);
      if (this.#canWait(now)) this.#wait();
      else await this.#commit(now);
      await this.#forgetPiece();
    } catch (error) {
      return this.#fail(error);
    }
    this.#running = false;
    if (!this.#waiting.empty || this.#forgetBeforeMs !== undefined) return this.#wake();
    if (!this.#isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Whether the batch is committed with what comes next, which will be soon. */
  #canWait({ monoMs }: Now): boolean {
    const { changes, isAwaited, isFull } = this.#batch;
    if (changes.length === 0 || isAwaited || isFull) return false;
    if (this.#forgetBeforeMs !== undefined || monoMs < this.#aloneUntilMs) return false;
    return monoMs - this.#awaitedMs < PATIENCE_MS;
  }

  #wait(): void {
    this.#patience ??= this.#options.timers.after(PATIENCE_MS, () => {
      this.#patience = undefined;
      this.#aloneUntilMs = this.#options.clock.now().monoMs + ALONE_MS;
      this.#wake();
    });
  }

  /** Makes the batch durable, and lets out what waits for that. */
  async #commit(now: Now): Promise<void> {
    this.#patience?.();
    this.#patience = undefined;
    const { changes, releases, isAwaited } = this.#batch;
    this.#batch = new Batch();
    if (changes.length > 0) await this.#options.store.commit(changes, now.wallMs);
    if (changes.length > 0 && isAwaited) this.#awaitedMs = this.#options.clock.now().monoMs;
    const bodies = await this.#readBodies(releases);
    for (const release of releases) this.#release(release, bodies);
    for (const outlet of this.#touched) outlet.flush();
    this.#touched.clear();
  }

  async #forgetPiece(): Promise<void> {
    const beforeMs = this.#forgetBeforeMs;
    if (beforeMs === undefined) return;
    const more = await this.#options.store.forget(beforeMs);
    // A later moment may have been asked for meanwhile.
    if (!more && this.#forgetBeforeMs === beforeMs) this.#forgetBeforeMs = undefined;
  }

  /** Steps one submission of each connection in turn, until a commit has enough. */
  #fillBatch(now: Now): void {
    while (!this.#batch.isFull) {
      const submission = this.#waiting.next();
      if (submission === undefined) return;
      this.#step(submission, now);
    }
  }

  #step(submission: Submission, now: Now): void {
    const { connection, steps, bytes, arrivedMs } = submission;
    const before = submission.done;
    const batch = this.#batch;
    while (submission.done < steps.length && !batch.isLong) {
      const step = steps[submission.done++]!;
      if (step.kind === "input") this.#stepCore(step.input, now);
      else batch.release({ ...step, connection });
    }
    batch.count(submission.done - before, bytes);
    // What is left is for another commit: each step alone is bounded.
    if (submission.done < steps.length) this.#waiting.giveBack(submission);
    else if (bytes > 0) {
      batch.release({ kind: "done", connection, steps: steps.length, bytes, arrivedMs });
    }
  }

  #stepCore(input: Input, now: Now): void {
    const effects: Effect[] = [];
    this.#options.broker.step(input, now, effects);
    for (const effect of effects) this.#batch.take(effect);
  }

  async #readBodies(releases: readonly Release[]): Promise<ReadonlyMap<Message, Uint8Array>> {
    const wanted: Message[] = [];
    for (const release of releases) {
      if (release.kind === "deliver" && !release.message.removed) wanted.push(release.message);
    }
    if (wanted.length === 0) return NO_BODIES;
    const bodies = new Map<Message, Uint8Array>();
    const read = await this.#options.store.read(wanted);
    wanted.forEach((message, i) => bodies.set(message, read[i]!));
    return bodies;
  }

  #release(release: Release, bodies: ReadonlyMap<Message, Uint8Array>): void {
    if (release.kind === "done") return this.#done(release);
    const outlet = this.#outlets.get(release.connection);
    // The connection ended meanwhile; its leases return by its `disconnected` input.
    if (outlet === undefined) return;
    this.#touched.add(outlet);
    switch (release.kind) {
      case "answer":
        return outlet.answer(release.answer);
      case "reply":
        return outlet.reply(release.reply);
      case "close":
        return outlet.close();
      case "deliver":
        return this.#deliver(outlet, release, bodies.get(release.message));
    }
  }

  #deliver(outlet: Outlet, { message, fetched }: ReleaseOf<"deliver">, body?: Uint8Array): void {
    if (body !== undefined) return outlet.deliver(message, body);
    // Acknowledged in the same batch by another connection of its receiver: nothing to send.
    outlet.withdrawn(message);
    if (fetched) outlet.answer({ kind: "no_messages" });
  }

  #done({ connection, steps, bytes, arrivedMs }: ReleaseOf<"done">): void {
    const waitedMs = this.#options.clock.now().monoMs - arrivedMs;
    this.#options.broker.answered(steps, waitedMs);
    this.#outlets.get(connection)?.released(steps, bytes);
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#patience?.();
    this.#waiting.clear();
    for (const resolve of this.#idle.splice(0)) resolve();
    const known = error instanceof CipherMqError;
    const text = messageOf(error);
    this.#options.onFailure(
      known ? error : new CipherMqError("storage", `the broker stops: ${text}`, { cause: error }),
    );
  }
}
