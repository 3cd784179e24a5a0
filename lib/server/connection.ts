/**
 * One client's connection: between its socket, its session and the engine, with bounded memory on
 * each side.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import type { Answer } from "../core/effect.ts";
import type { ConnectionId } from "../core/input.ts";
import type { MessageHead } from "../core/message.ts";
import type { UnsentShare } from "../core/unsent_share.ts";
import type { Session, Step } from "../session/session.ts";
import type { BackupOrder } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";
import type { Backups } from "./backups.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Holder, IncomingRoom } from "./incoming_room.ts";
import type { Engine, Outlet } from "./engine.ts";
import { PendingSteps } from "./pending_steps.ts";

const log = logger("connection");

/** What a command that waits takes besides its bytes. */
const BYTES_BESIDE_COMMAND = 256;

/** What a connection is made of. */
export interface ConnectionOptions {
  /** The client's verified socket. */
  readonly socket: ClientSocket;
  /** Begins its conversation under the number the core knows it by. */
  readonly openSession: (connection: ConnectionId) => Session;
  /** Where its commands go. */
  readonly engine: Engine;
  /** Where its orders about backups go. */
  readonly backups: Backups;
  /** The bounds it keeps. */
  readonly limits: Limits;
  /** How much may wait to be sent to it. */
  readonly share: UnsentShare;
  /** Memory for what it sends, which it shares with all others. */
  readonly room: IncomingRoom;
  /** Where the time comes from. */
  readonly clock: Clock;
  /** Called once when it has ended. */
  readonly onEnd: () => void;
}

/** A client that is connected. */
export class Connection implements Outlet, Holder {
  readonly #options: ConnectionOptions;
  readonly #id: ConnectionId;
  readonly #session: Session;
  readonly #sinceMs: number;
  readonly #pending: PendingSteps;
  #carryingOut = false;
  #partSinceMs: number | undefined;
  #pushedBytes = 0;
  #paused = false;
  #closing = false;
  #ended = false;

  /** Takes the client in: from here on its commands are answered. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#sinceMs = this.#nowMs();
    const { socket, engine } = options;
    this.#id = engine.attach(socket.identity, this);
    this.#session = options.openSession(this.#id);
    this.#pending = new PendingSteps((steps, bytes) => engine.submit(this.#id, steps, bytes));
    log.info("connected", this.#facts());
    socket.onData = (chunk) => this.#receive(chunk);
    socket.onDrain = () => this.#sent();
    socket.onClose = () => this.#finish();
  }

  /** Says what the core answered. */
  answer(answer: Answer): void {
    this.#session.answer(answer);
  }

  /** Says what needed no core. */
  reply(reply: Reply): void {
    this.#session.reply(reply);
  }

  /** Hands a message over. */
  deliver(message: MessageHead, body: Uint8Array): void {
    this.#pushedBytes += message.size;
    this.#session.deliver(message, body);
  }

  /** Counts a delivery that is not needed any more, as the core has counted it. */
  withdrawn(message: MessageHead): void {
    this.#pushedBytes += message.size;
  }

  /** Frees the room that an answered submission took. */
  released(steps: number, bytes: number): void {
    this.#pending.answered(steps, bytes);
    this.#noteHeld();
  }

  /** There is room again for what it sends. */
  readOn(): void {
    this.#balance();
  }

  /** Sends what was said, in one write. */
  flush(): void {
    const bytes = this.#session.takeBytes();
    if (bytes.length > 0) this.#options.socket.write(bytes);
    this.#sent();
  }

  /** Sends what was said and ends the connection: the client could not be understood. */
  close(): void {
    this.#closing = true;
    log.warn("protocol error, closing", this.#facts());
    this.#options.socket.end(this.#session.takeBytes());
  }

  /** Takes no more commands and asks for no more messages; what is answered is still sent. */
  stopReading(): void {
    this.#closing = true;
    this.#options.socket.pause();
  }

  /** Sends what was said and ends the connection: the broker stops. */
  end(): void {
    this.#ended = true;
    this.#options.socket.end(this.#session.takeBytes());
  }

  /** Ends the connection at once, sending nothing more. */
  destroy(): void {
    this.#options.socket.destroy();
  }

  /** Ends the connection if it has been sending one line for too long. */
  sweep(nowMs: number): void {
    const since = this.#partSinceMs;
    if (since === undefined || this.#closing || this.#isHeldUp()) return;
    if (nowMs - since <= this.#options.limits.lineTimeoutMs) return;
    log.warn("line not finished in time, closing", this.#facts());
    this.destroy();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closing) return;
    const session = this.#session;
    const before = session.unfinishedBytes;
    const steps = session.receive(chunk);
    const unfinished = session.unfinishedBytes;
    if (unfinished === 0) this.#partSinceMs = undefined;
    else if (steps.length > 0 || this.#partSinceMs === undefined) this.#partSinceMs = this.#nowMs();
    if (steps.length > 0) this.#take(steps, before + chunk.length - unfinished);
    this.#noteHeld();
    this.#balance();
  }

  #take(steps: readonly Step[], bytes: number): void {
    if (steps.at(-1)!.kind === "close") this.#closing = true;
    this.#pending.add(steps, bytes);
    this.#advance();
  }

  #noteHeld(): void {
    if (this.#ended) return;
    const { count, bytes } = this.#pending;
    const held = this.#session.unfinishedBytes + bytes + count * BYTES_BESIDE_COMMAND;
    this.#options.room.set(this, held);
  }

  /**
   * Whether it cannot send the rest of its line because it is not read. Whoever is not read because it
   * takes no answers holds itself up: that does not count where others wait for its room.
   */
  #isHeldUp(): boolean {
    if (!this.#paused) return false;
    const { room, share, socket } = this.#options;
    return socket.unsentBytes <= share.bytes / 2 || !room.isInTheWay(this);
  }

  /** Carries out an order about a backup when it is its turn and the client has taken the answers. */
  #advance(): void {
    const { order } = this.#pending;
    if (order === undefined || this.#carryingOut || this.#ended) return;
    const { socket, share } = this.#options;
    if (socket.unsentBytes <= share.bytes / 2) void this.#carryOut(order);
  }

  async #carryOut(order: BackupOrder): Promise<void> {
    this.#carryingOut = true;
    const { identity } = this.#options.socket;
    const reply = await this.#options.backups.carryOut(order, { connection: this.#id, identity });
    this.#carryingOut = false;
    if (this.#ended) return;
    this.reply(reply);
    this.#pending.orderDone();
    this.#noteHeld();
    this.flush();
  }

  /** Looks after both directions once something was written or taken by the peer. */
  #sent(): void {
    const { socket, share, engine } = this.#options;
    const hasDrained = this.#pushedBytes >= share.worthDraining &&
      socket.unsentBytes <= share.bytes / 2;
    // Messages pushed to a client whose acks are not read any more would only come back.
    if (!this.#closing && hasDrained) {
      this.#pushedBytes = 0;
      engine.drained(this.#id);
    }
    this.#advance();
    this.#balance();
  }

  /** Reads no faster than commands are committed and answers are taken. */
  #balance(): void {
    const { socket, limits, room, share } = this.#options;
    const load = Math.max(
      this.#pending.count / limits.maxWaitingCommands,
      this.#pending.bytes / limits.maxWaitingBytes,
      socket.unsentBytes / share.bytes,
    );
    // Commits free what waits for them; only an unfinished line needs to be let on.
    const admitted = this.#pending.count > 0 ? !room.isInTheWay(this) : room.admits(this);
    if (!this.#paused && (load >= 1 || !admitted)) {
      this.#paused = true;
      socket.pause();
    } else if (this.#paused && load <= 0.5 && admitted && !this.#closing) {
      this.#paused = false;
      // It could not send while it was not read.
      if (this.#partSinceMs !== undefined) this.#partSinceMs = this.#nowMs();
      socket.resume();
    }
  }

  #finish(): void {
    this.#ended = true;
    this.#options.engine.detach(this.#id);
    this.#options.backups.left(this.#id);
    this.#options.room.set(this, 0);
    const seconds = (this.#nowMs() - this.#sinceMs) / 1000;
    log.info("disconnected", { ...this.#facts(), seconds });
    this.#options.onEnd();
  }

  #nowMs(): number {
    return this.#options.clock.now().monoMs;
  }

  #facts(): Record<string, unknown> {
    const { identity, remoteAddress } = this.#options.socket;
    return { connection: this.#id, identity, address: remoteAddress };
  }
}
