/**
 * What one commit makes durable, and what is let out when it has.
 *
 * @module
 */
import type { Change, Effect } from "../core/effect.ts";
import type { ConnectionId } from "../core/input.ts";
import type { Reply } from "../wire/reply.ts";

/**
 * Steps of one commit: so many that it pays, and so few that nobody waits long for the next. It writes
 * rows for each queue and receiver, and each connection gets a piece: where there are many it takes more.
 */
const MIN_STEPS = 1024;
const STEPS_EACH = 8;
const MAX_STEPS = 8 * 1024;
/** Bytes that its steps came as. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of bodies that it writes, of which a short command can move many and one message has many copies. */
const MAX_WRITTEN_BYTES = 16 * 1024 * 1024;

/** What is let out once a batch is on disk. */
export type Release =
  | Exclude<Effect, { kind: "change" }>
  | { readonly kind: "reply"; readonly connection: ConnectionId; readonly reply: Reply }
  | { readonly kind: "close"; readonly connection: ConnectionId }
  /** So many steps, that came as so many bytes, are answered. */
  | {
    readonly kind: "done";
    readonly connection: ConnectionId;
    readonly steps: number;
    readonly bytes: number;
    readonly arrivedMs: number;
  };

/** A batch that grows until it is committed. */
export class Batch {
  /** What is to be durable, in order. */
  readonly changes: Change[] = [];
  /** What is let out then, in order. */
  readonly releases: Release[] = [];
  /** The queues and receivers it writes rows for, and the connections it lets something out to. */
  readonly #reached = new Set<string | ConnectionId>();
  #steps = 0;
  #bytes = 0;
  #writtenBytes = 0;
  #isAwaited = false;

  /** Whether there is nothing in it. */
  get isEmpty(): boolean {
    return this.changes.length === 0 && this.releases.length === 0;
  }

  /** Whether it has as much as a commit takes. */
  get isFull(): boolean {
    const pays = Math.min(Math.max(MIN_STEPS, STEPS_EACH * this.#reached.size), MAX_STEPS);
    return this.#steps >= pays || this.#bytes >= MAX_BYTES || this.isLong;
  }

  /** Whether its commit writes so much that not even the rest of a submission can be added. */
  get isLong(): boolean {
    return this.#writtenBytes >= MAX_WRITTEN_BYTES;
  }

  /**
   * Whether somebody waits for more than to hear that an acknowledgement is taken. If not, a crash
   * before the commit costs what it costs anyway: a delivery that comes again.
   */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** Counts steps of a submission, which came as `bytes` bytes. */
  count(steps: number, bytes: number): void {
    this.#steps += steps;
    this.#bytes += bytes;
  }

  /** Adds what a step of the core wants done. */
  take(effect: Effect): void {
    if (effect.kind !== "change") return this.release(effect);
    const { change } = effect;
    this.changes.push(change);
    if (change.kind !== "removed") this.#isAwaited = true;
    if (change.kind === "enqueued" || change.kind === "moved") {
      this.#writtenBytes += change.message.size;
      this.#reached.add(change.message.queue).add(change.message.receiver);
    }
  }

  /** Adds what is let out. */
  release(release: Release): void {
    this.releases.push(release);
    this.#reached.add(release.connection);
    if (!isPatient(release)) this.#isAwaited = true;
  }
}

function isPatient(release: Release): boolean {
  return release.kind === "done" ||
    (release.kind === "answer" && release.answer.kind === "ack_confirmed");
}
