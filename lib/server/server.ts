/**
 * The running broker: starts its parts in order and stops them in reverse.
 *
 * @module
 */
import { type Clock, systemClock } from "../base/clock.ts";
import type { CipherMqError } from "../base/errors.ts";
import { assertLimits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { Broker } from "../core/broker.ts";
import { TextSession } from "../session/text_session.ts";
import { SqliteStore } from "../store/sqlite_store.ts";
import { Ballast } from "../store/ballast.ts";
import { diskSpace } from "../store/disk_space.ts";
import { Connection } from "./connection.ts";
import { DiskWatch } from "./disk_watch.ts";
import { Engine } from "./engine.ts";
import { type ClientSocket, Listener } from "./listener.ts";
import type { ServerOptions } from "./options.ts";

const log = logger("server");

/** How often leases and times to live are looked at, in milliseconds. */
const TICK_MS = 250;
/** How often connections are looked over for lines that do not end, in milliseconds. */
const SWEEP_MS = 1000;
/** How often the store is asked to forget what is beyond the duplicate horizon, in milliseconds. */
const FORGET_MS = 60_000;
/** How long clients may take to accept their last answers when the broker stops, in milliseconds. */
const DRAIN_MS = 3000;

/**
 * A broker that listens. It ends by {@linkcode BrokerServer.stop} or, when its store fails, by
 * itself: then {@linkcode BrokerServer.failure} resolves and nothing more is answered.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createAuthority } from "../pki/authority.ts";
 * import { issueServerCertificate } from "../pki/certificate.ts";
 * import { DEFAULT_LIMITS } from "../base/limits.ts";
 * import { BrokerServer } from "./server.ts";
 *
 * const authority = await createAuthority();
 * const { certificatePem, privateKeyPem } = await issueServerCertificate(authority);
 * const folder = await Deno.makeTempDir();
 * const broker = await BrokerServer.start({
 *   host: "127.0.0.1",
 *   port: 0,
 *   certificate: certificatePem,
 *   privateKey: privateKeyPem,
 *   authorities: authority.certificatePem,
 *   minTlsVersion: "TLSv1.3",
 *   databasePath: `${folder}/broker.db`,
 *   aesKey: crypto.getRandomValues(new Uint8Array(32)),
 *   limits: DEFAULT_LIMITS,
 * });
 * assert(broker.address.port > 0);
 * await broker.stop();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class BrokerServer {
  /** Resolves with the reason if the broker had to stop by itself; never otherwise. */
  readonly failure: Promise<CipherMqError>;
  readonly #options: ServerOptions;
  readonly #clock: Clock = systemClock;
  readonly #connections = new Set<Connection>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #failed = Promise.withResolvers<CipherMqError>();
  readonly #store: SqliteStore;
  readonly #broker: Broker;
  readonly #engine: Engine;
  readonly #disk: DiskWatch;
  #listener: Listener | undefined;
  #toldOfHorizon = false;
  #allGone: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(options: ServerOptions, store: SqliteStore, broker: Broker) {
    this.#options = options;
    this.#store = store;
    this.#broker = broker;
    this.failure = this.#failed.promise;
    this.#engine = new Engine({
      broker,
      store,
      clock: this.#clock,
      schedule: (turn) => void setImmediate(turn),
      onFailure: (error) => this.#fail(error),
    });
    const { databasePath: path, limits } = options;
    this.#disk = new DiskWatch({
      limits,
      space: () => diskSpace(path),
      ballast: new Ballast(`${path}.ballast`, limits.ballastBytes),
      onChange: (low) => this.#engine.disk(low),
    });
  }

  /**
   * Opens the store, restores the broker and listens.
   *
   * @throws {CipherMqError} `configuration` when the database, the keys or the certificates cannot
   * be used or the address cannot be listened on, `storage` when the database fails or is in use,
   * `cryptographic` when a registered key in it was tampered with.
   */
  static async start(options: ServerOptions): Promise<BrokerServer> {
    assertLimits(options.limits);
    const store = SqliteStore.open({
      path: options.databasePath,
      aesKey: options.aesKey,
      cacheBytes: options.limits.maxCachedBodyBytes,
    });
    try {
      const snapshot = await store.load();
      const broker = new Broker({ limits: options.limits, random: systemRandom }, snapshot);
      log.info("recovered", { ...store.recovery });
      const server = new BrokerServer(options, store, broker);
      await server.#disk.look();
      await server.#listen();
      return server;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Where it listens; the port that was taken when 0 was asked for. */
  get address(): { readonly host: string; readonly port: number } {
    return this.#listener!.address;
  }

  /**
   * Stops: takes no more connections and commands, commits and answers what was taken, closes.
   * Clients that do not take their answers in 3 seconds are cut off. Asked again, it gives the same
   * end.
   */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#engine.stopForgetting();
    const stopped = this.#listener?.stopAccepting();
    for (const connection of this.#connections) connection.stopReading();
    await this.#engine.idle();
    for (const connection of this.#connections) connection.end();
    await this.#connectionsGone();
    await stopped;
    // The last disconnections put their leases back.
    await this.#engine.idle();
    await this.#store.close();
    log.info("stopped", {});
  }

  async #listen(): Promise<void> {
    const { host, port, certificate, privateKey, authorities, minTlsVersion, limits } =
      this.#options;
    this.#listener = await Listener.start({
      host,
      port,
      certificate,
      privateKey,
      authorities,
      minTlsVersion,
      limits,
      clock: this.#clock,
      onClient: (socket) => this.#accept(socket),
    });
    this.#timers.push(setInterval(() => this.#engine.tick(), TICK_MS));
    this.#timers.push(setInterval(() => this.#sweep(), SWEEP_MS));
    this.#timers.push(setInterval(() => this.#forget(), FORGET_MS));
    log.info("listening", { ...this.#listener.address });
  }

  #accept(socket: ClientSocket): void {
    const { limits } = this.#options;
    const { identity } = socket;
    const connection: Connection = new Connection({
      socket,
      openSession: (connection) => new TextSession({ connection, identity, limits }),
      engine: this.#engine,
      limits,
      clock: this.#clock,
      onEnd: () => this.#ended(connection),
    });
    this.#connections.add(connection);
  }

  #ended(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#allGone?.();
  }

  async #connectionsGone(): Promise<void> {
    if (this.#connections.size === 0) return;
    const gone = Promise.withResolvers<void>();
    this.#allGone = gone.resolve;
    const cutOff = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, DRAIN_MS);
    await gone.promise;
    clearTimeout(cutOff);
  }

  #sweep(): void {
    const nowMs = this.#clock.now().monoMs;
    for (const connection of this.#connections) connection.sweep(nowMs);
    void this.#disk.look();
  }

  #forget(): void {
    const horizonMs = this.#clock.now().wallMs - this.#options.limits.duplicateHorizonMs;
    // What the broker has forgotten, because the ids were too many, need not fill the disk.
    this.#engine.forget(Math.max(horizonMs, this.#broker.firstRememberedMs));
    const ids = this.#broker.idsForgottenEarly;
    if (ids === 0 || this.#toldOfHorizon) return;
    this.#toldOfHorizon = true;
    log.warn("duplicates may be missed: max_remembered_ids is too few for the horizon", { ids });
  }

  /** Memory may be ahead of the disk: say nothing more to anybody. */
  #fail(error: CipherMqError): void {
    log.fatal("the broker stops", { code: error.code, reason: error.message });
    for (const timer of this.#timers) clearInterval(timer);
    void this.#listener?.stopAccepting();
    for (const connection of this.#connections) connection.destroy();
    this.#failed.resolve(error);
  }
}
