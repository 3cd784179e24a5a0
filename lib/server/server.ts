/**
 * The broker on a machine: the running broker with its SQLite store, its TLS listener and the watch
 * over its disk. Starts its parts in order and stops them in reverse.
 *
 * @module
 */
import type { CipherMqError } from "../base/errors.ts";
import { assertLimits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import { systemRuntime } from "../base/runtime.ts";
import type { Cancel } from "../base/timers.ts";
import type { Broker } from "../core/broker.ts";
import { SqliteStore } from "../store/sqlite_store.ts";
import { WorkerDatabase } from "../store/worker_database.ts";
import { Ballast } from "../store/ballast.ts";
import { diskSpace } from "../store/disk_space.ts";
import { DiskWatch } from "./disk_watch.ts";
import { Listener } from "./listener.ts";
import type { ServerOptions } from "./options.ts";
import { restoreBroker, RunningBroker } from "./running_broker.ts";

const log = logger("server");

/** How often the room on the disk is looked at, in milliseconds. */
const LOOK_MS = 1000;

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
  readonly #failed = Promise.withResolvers<CipherMqError>();
  readonly #store: SqliteStore;
  readonly #running: RunningBroker;
  readonly #disk: DiskWatch;
  #listener: Listener | undefined;
  #stopLooking: Cancel | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(
    options: ServerOptions,
    store: SqliteStore,
    broker: Broker,
    ballast: Ballast,
  ) {
    const { databasePath: path, limits } = options;
    this.#options = options;
    this.#store = store;
    this.failure = this.#failed.promise;
    this.#running = new RunningBroker({
      broker,
      store,
      backup: { source: store, admins: options.admins ?? [] },
      limits,
      runtime: systemRuntime,
      onFailure: (error) => this.#fail(error),
    });
    this.#disk = new DiskWatch({
      limits,
      space: () => diskSpace(path),
      ballast,
      onChange: (low) => this.#running.disk(low),
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
    const { databasePath: path, aesKey, limits } = options;
    const cacheBytes = limits.maxCachedBodyBytes;
    log.info("opening the database", { path });
    const store = await SqliteStore.open({ path, aesKey, cacheBytes }, WorkerDatabase.open);
    const ballast = new Ballast(`${path}.ballast`, limits.ballastBytes);
    const heldBefore = ballast.held;
    try {
      const broker = await restoreBroker({ limits, random: systemRuntime.random }, store);
      log.info("recovered", { ...store.recovery });
      const server = new BrokerServer(options, store, broker, ballast);
      await server.#disk.look();
      await server.#listen();
      return server;
    } catch (error) {
      await store.close();
      if (!heldBefore) await ballast.release();
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
    this.#stopLooking?.();
    const stopped = this.#listener?.stopAccepting();
    await this.#running.stop();
    await stopped;
    await this.#store.close();
    log.info("stopped", {});
  }

  async #listen(): Promise<void> {
    const { host, port, certificate, privateKey, authorities, minTlsVersion, limits } =
      this.#options;
    const { clock, timers } = systemRuntime;
    this.#listener = await Listener.start({
      host,
      port,
      certificate,
      privateKey,
      authorities,
      minTlsVersion,
      limits,
      clock,
      onClient: (socket) => this.#running.accept(socket),
      onRefused: () => this.#running.connectionRefused(),
    });
    this.#running.start();
    this.#stopLooking = timers.every(LOOK_MS, () => void this.#disk.look());
    log.info("listening", { ...this.#listener.address });
  }

  #fail(error: CipherMqError): void {
    this.#stopLooking?.();
    void this.#listener?.stopAccepting();
    this.#failed.resolve(error);
  }
}
