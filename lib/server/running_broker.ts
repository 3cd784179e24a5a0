/**
 * The running broker without sockets, files and clocks of its own: it answers the clients that it is
 * given, lets the core see time pass, and ends in order. A broker on a machine and one in a simulator
 * are both this.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { CipherMqError } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import type { Runtime } from "../base/runtime.ts";
import { steadyClock } from "../base/steady_clock.ts";
import type { Cancel } from "../base/timers.ts";
import { Broker, type BrokerOptions } from "../core/broker.ts";
import { TextSession } from "../session/text_session.ts";
import type { Store } from "../store/store.ts";
import { type BackupRights, Backups } from "./backups.ts";
import type { ClientSocket } from "./client_socket.ts";
import { Connection } from "./connection.ts";
import { Engine } from "./engine.ts";
import { IncomingRoom } from "./incoming_room.ts";

const log = logger("server");

/** How often leases and times to live are looked at, in milliseconds. */
const TICK_MS = 250;
/** How often connections are looked over for lines that do not end, in milliseconds. */
const SWEEP_MS = 1000;
/** How often the store is asked to forget what is beyond the duplicate horizon, in milliseconds. */
const FORGET_MS = 60_000;
/** How long clients may take to accept their last answers when the broker stops, in milliseconds. */
const DRAIN_MS = 3000;

/** The broker that a store remembers. Rejects as {@linkcode Store.load} and {@linkcode Store.messages}. */
export async function restoreBroker(options: BrokerOptions, store: Store): Promise<Broker> {
  const broker = new Broker(options, await store.load());
  for await (const messages of store.messages()) broker.restore(messages);
  return broker;
}

/** What a broker runs on. */
export interface RunningBrokerOptions {
  /** The state machine, as its store remembers it. */
  readonly broker: Broker;
  /** Its durable memory. Whoever opened it closes it, when the broker has stopped. */
  readonly store: Store;
  /** What admins may copy. Default: nobody may. */
  readonly backup?: BackupRights;
  /** The bounds it keeps. */
  readonly limits: Limits;
  /** Time, and doing things later. */
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  /** Called once if the broker had to stop by itself: every client is cut off then. */
  readonly onFailure: (error: CipherMqError) => void;
}

/** A broker at work. */
export class RunningBroker {
  readonly #options: RunningBrokerOptions;
  /** What a message's age is measured by: an administrator who sets the clock must not expire it. */
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #backups: Backups;
  readonly #room: IncomingRoom;
  readonly #connections = new Set<Connection>();
  #repeated: Cancel[] = [];
  #toldOfHorizon = false;
  #allGone: (() => void) | undefined;

  /** Makes a broker that takes clients; {@linkcode RunningBroker.start} makes time pass for it. */
  constructor(options: RunningBrokerOptions) {
    const { broker, store, backup: rights, limits, runtime } = options;
    this.#options = options;
    this.#clock = steadyClock(runtime.clock);
    this.#backups = new Backups({ rights, limits, clock: this.#clock });
    this.#room = new IncomingRoom(options.limits);
    this.#engine = new Engine({
      broker,
      store,
      clock: this.#clock,
      timers: runtime.timers,
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Begins to look at leases, at clients and at what may be forgotten. */
  start(): void {
    const { timers } = this.#options.runtime;
    this.#repeated = [
      timers.every(TICK_MS, () => this.#engine.tick()),
      timers.every(SWEEP_MS, () => this.#sweep()),
      timers.every(FORGET_MS, () => this.#forget()),
    ];
  }

  /** Takes a client in. */
  accept(socket: ClientSocket): void {
    const { broker, limits } = this.#options;
    const { identity } = socket;
    const connection: Connection = new Connection({
      socket,
      openSession: (connection) => new TextSession({ connection, identity, limits }),
      engine: this.#engine,
      backups: this.#backups,
      limits,
      share: broker.unsentShare,
      room: this.#room,
      clock: this.#clock,
      onEnd: () => this.#ended(connection),
    });
    this.#connections.add(connection);
  }

  /** Counts a connection that was refused before it became a client. */
  connectionRefused(): void {
    this.#options.broker.connectionRefused();
  }

  /** Tells whether the disk is nearly full. */
  disk(low: boolean): void {
    this.#engine.disk(low);
    this.#backups.disk(low);
  }

  /**
   * Stops; no more clients may be given. Takes no more commands, commits and answers what was taken,
   * ends the connections. Clients that do not take their answers in 3 seconds are cut off.
   */
  async stop(): Promise<void> {
    this.#stopTime();
    this.#engine.stopForgetting();
    for (const connection of this.#connections) connection.stopReading();
    await this.#engine.idle();
    for (const connection of this.#connections) connection.end();
    await this.#connectionsGone();
    // The last disconnections put their leases back.
    await this.#engine.idle();
  }

  #ended(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#allGone?.();
  }

  async #connectionsGone(): Promise<void> {
    if (this.#connections.size === 0) return;
    const gone = Promise.withResolvers<void>();
    this.#allGone = gone.resolve;
    const cancel = this.#options.runtime.timers.after(DRAIN_MS, () => this.#cutOff());
    await gone.promise;
    cancel();
  }

  #sweep(): void {
    const nowMs = this.#clock.now().monoMs;
    for (const connection of this.#connections) connection.sweep(nowMs);
    this.#backups.sweep(nowMs);
  }

  #forget(): void {
    const { broker, limits } = this.#options;
    const horizonMs = this.#clock.now().wallMs - limits.duplicateHorizonMs;
    // What the broker has forgotten, because the ids were too many, need not fill the disk.
    this.#engine.forget(Math.max(horizonMs, broker.firstRememberedMs));
    const ids = broker.idsForgottenEarly;
    if (ids === 0 || this.#toldOfHorizon) return;
    this.#toldOfHorizon = true;
    log.warn("duplicates may be missed: max_remembered_ids is too few for the horizon", { ids });
  }

  /** Memory may be ahead of the disk: say nothing more to anybody. */
  #fail(error: CipherMqError): void {
    log.fatal("the broker stops", { code: error.code, reason: error.message });
    this.#stopTime();
    this.#options.onFailure(error);
    this.#cutOff();
  }

  #stopTime(): void {
    for (const cancel of this.#repeated.splice(0)) cancel();
  }

  #cutOff(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}
