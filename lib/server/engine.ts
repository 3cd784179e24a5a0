/**
 * The heart of the running broker. It steps what waits through the core, commits all of it as one,
 * and only then lets answers and deliveries out: no ACK can leave before its message is on disk.
 * What arrives during a commit is the next batch, which is how the store gets large commits under
 * load and short ones without it.
 *
 * @module
 */
import type { Clock, Now } from "../base/clock.ts";
import { CipherMqError, messageOf } from "../base/errors.ts";
import type { Broker } from "../core/broker.ts";
import type { Answer, Change, Effect } from "../core/effect.ts";
import type { ConnectionId, Input } from "../core/input.ts";
import type { Message, MessageHead } from "../core/message.ts";
import type { Step } from "../session/session.ts";
import type { Store } from "../store/store.ts";
import type { Reply } from "../wire/reply.ts";
import { Turns } from "./turns.ts";

/** What one commit takes: so much that it pays, and so little that nobody waits long for the next. */
const MAX_STEPS = 1024;
/** Bytes that its steps came as. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of bodies that it writes, of which a short command can move many and one message has many copies. */
const MAX_WRITTEN_BYTES = 16 * 1024 * 1024;

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
  /** Runs `turn` when the event loop has taken what has arrived; `setImmediate` in a real broker. */
  readonly schedule: (turn: () => void) => void;
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

type DeliverEffect = Extract<Effect, { kind: "deliver" }>;

/** What is let out once the batch is on disk, in order. */
type Release =
  | Exclude<Effect, { kind: "change" }>
  | { readonly kind: "reply"; readonly connection: ConnectionId; readonly reply: Reply }
  | { readonly kind: "close"; readonly connection: ConnectionId }
  | { readonly kind: "done"; readonly submission: Submission };

/** What one commit makes durable, and what it lets out. */
interface Batch {
  readonly changes: Change[];
  readonly releases: Release[];
  /** Bytes of the bodies that the changes write. */
  writtenBytes: number;
}

/** Runs a broker against a store. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #outlets = new Map<ConnectionId, Outlet>();
  readonly #touched = new Set<Outlet>();
  readonly #waiting = new Turns<Submission>();
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
    if (this.#failed || (!this.#running && this.#waiting.empty)) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #submitInput(input: Input): void {
    const connection = "connection" in input ? input.connection : NO_CONNECTION;
    this.submit(connection, [{ kind: "input", input }], 0);
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#options.schedule(() => this.#turn());
  }

  async #turn(): Promise<void> {
    try {
      await this.#runBatch();
      await this.#forgetPiece();
    } catch (error) {
      return this.#fail(error);
    }
    this.#running = false;
    if (!this.#waiting.empty || this.#forgetBeforeMs !== undefined) return this.#wake();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #forgetPiece(): Promise<void> {
    const beforeMs = this.#forgetBeforeMs;
    if (beforeMs === undefined) return;
    const more = await this.#options.store.forget(beforeMs);
    // A later moment may have been asked for meanwhile.
    if (!more && this.#forgetBeforeMs === beforeMs) this.#forgetBeforeMs = undefined;
  }

  async #runBatch(): Promise<void> {
    const now = this.#options.clock.now();
    const { changes, releases } = this.#stepBatch(now);
    if (changes.length > 0) await this.#options.store.commit(changes, now.wallMs);
    const bodies = await this.#readBodies(releases);
    for (const release of releases) this.#release(release, bodies);
    for (const outlet of this.#touched) outlet.flush();
    this.#touched.clear();
  }

  /** Steps one submission of each connection in turn, until a commit has enough. */
  #stepBatch(now: Now): Batch {
    const batch: Batch = { changes: [], releases: [], writtenBytes: 0 };
    let steps = 0;
    let bytes = 0;
    while (steps < MAX_STEPS && bytes < MAX_BYTES && batch.writtenBytes < MAX_WRITTEN_BYTES) {
      const submission = this.#waiting.next();
      if (submission === undefined) break;
      const before = submission.done;
      this.#step(submission, now, batch);
      steps += submission.done - before;
      bytes += submission.bytes;
    }
    return batch;
  }

  #step(submission: Submission, now: Now, batch: Batch): void {
    const { connection, steps, bytes } = submission;
    while (submission.done < steps.length) {
      // What is left is for another commit: each step alone is bounded.
      if (batch.writtenBytes >= MAX_WRITTEN_BYTES) return this.#waiting.giveBack(submission);
      const step = steps[submission.done++]!;
      if (step.kind === "input") this.#stepCore(step.input, now, batch);
      else batch.releases.push({ ...step, connection });
    }
    if (bytes > 0) batch.releases.push({ kind: "done", submission });
  }

  #stepCore(input: Input, now: Now, batch: Batch): void {
    const effects: Effect[] = [];
    this.#options.broker.step(input, now, effects);
    for (const effect of effects) {
      if (effect.kind === "change") {
        batch.changes.push(effect.change);
        batch.writtenBytes += writtenBytes(effect.change);
      } else batch.releases.push(effect);
    }
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
    if (release.kind === "done") return this.#done(release.submission);
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

  #deliver(outlet: Outlet, { message, fetched }: DeliverEffect, body?: Uint8Array): void {
    if (body !== undefined) return outlet.deliver(message, body);
    // Acknowledged in the same batch by another connection of its receiver: nothing to send.
    outlet.withdrawn(message);
    if (fetched) outlet.answer({ kind: "no_messages" });
  }

  #done({ connection, steps, bytes, arrivedMs }: Submission): void {
    const waitedMs = this.#options.clock.now().monoMs - arrivedMs;
    this.#options.broker.answered(steps.length, waitedMs);
    this.#outlets.get(connection)?.released(steps.length, bytes);
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#waiting.clear();
    for (const resolve of this.#idle.splice(0)) resolve();
    const known = error instanceof CipherMqError;
    const text = messageOf(error);
    this.#options.onFailure(
      known ? error : new CipherMqError("storage", `the broker stops: ${text}`, { cause: error }),
    );
  }
}

/** Bytes of bodies that the store writes for a change. */
function writtenBytes(change: Change): number {
  return change.kind === "enqueued" || change.kind === "moved" ? change.message.size : 0;
}
