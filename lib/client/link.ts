/**
 * A connection that comes back: connects, lets its user set up, and does so again whenever the
 * connection is lost.
 *
 * @module
 */
import { CipherMqError } from "../base/errors.ts";
import { type Runtime, systemRuntime } from "../base/runtime.ts";
import type { Timers } from "../base/timers.ts";
import type { BackoffOptions } from "./backoff.ts";
import { Connection, type ConnectionEvents, type ConnectionOptions } from "./connection.ts";
import { Reconnect } from "./reconnect.ts";

/** How to connect and how long to try. */
export interface LinkOptions {
  /** The broker and this client's credentials. */
  readonly connection: ConnectionOptions;
  /** How long the first connection may take to come about, in milliseconds. Default 30,000. */
  readonly connectForMs?: number;
  /** How long a lost connection is tried to be replaced, in milliseconds. Default: for ever. */
  readonly reconnectForMs?: number;
  /** Ends the wait for the first connection, which then fails with `connection`. */
  readonly signal?: AbortSignal;
  /** The waits between attempts. Default 100 ms to 5 s. */
  readonly backoff?: BackoffOptions;
}

/** Who uses a link. */
export interface LinkUser extends ConnectionEvents {
  /** A new connection works; what must be said first is said here. Rejecting counts as its loss. */
  up(connection: Connection): void | Promise<void>;
  /** The connection was lost, or none came about; another attempt follows. */
  down(error: CipherMqError): void;
  /** No further attempt follows. */
  failed(error: CipherMqError): void;
}

/** Failures that another attempt may not meet. */
const PASSING: ReadonlySet<string> = new Set(["connection", "timeout", "limit", "protocol"]);
const CONNECT_FOR_MS = 30_000;

/** Keeps one connection alive. */
export class Link {
  readonly #options: LinkOptions;
  readonly #user: LinkUser;
  readonly #runtime: Runtime;
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #running: Promise<void> = Promise.resolve();
  #wasUp = false;
  #tlsFailures = 0;

  /** Makes a link that does not connect yet. */
  constructor(options: LinkOptions, user: LinkUser) {
    this.#options = options;
    this.#user = user;
    this.#runtime = options.connection.runtime ?? systemRuntime;
  }

  /** The connection, while it is up. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Starts to connect. */
  start(): void {
    this.#running = this.#run();
  }

  /** Closes the connection after what was sent, and does not connect again. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#connection?.close();
    await this.#running;
  }

  /** Drops the connection at once, and does not connect again. */
  async destroy(): Promise<void> {
    this.#stop.abort();
    this.#connection?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { random, timers } = this.#runtime;
    const { connectForMs = CONNECT_FOR_MS, reconnectForMs, backoff } = this.#options;
    const options = (forMs?: number) => ({
      ...(forMs !== undefined && { reconnectForMs: forMs }),
      ...(backoff !== undefined && { backoff }),
    });
    let reconnect = new Reconnect(random, this.#nowMs(), options(connectForMs));
    const up = () => {
      if (!this.#wasUp) reconnect = new Reconnect(random, this.#nowMs(), options(reconnectForMs));
      this.#wasUp = true;
      reconnect.up(this.#nowMs());
    };
    while (!this.#stop.signal.aborted) {
      const error = await this.#session(up);
      this.#connection = undefined;
      if (this.#stop.signal.aborted) return;
      this.#user.down(error);
      const waitMs = this.#mayPass(error) ? reconnect.down(this.#nowMs()) : undefined;
      if (waitMs === undefined) return this.#user.failed(error);
      await pause(timers, waitMs, this.#stop.signal);
    }
  }

  /** One connection from its making to its end. */
  async #session(up: () => void): Promise<CipherMqError> {
    let connection: Connection | undefined;
    try {
      connection = await this.#open();
      this.#connection = connection;
      await this.#user.up(connection);
      up();
      this.#tlsFailures = 0;
      return await connection.closed ?? new CipherMqError("connection", "closed");
    } catch (error) {
      connection?.destroy();
      await connection?.closed;
      if (!(error instanceof CipherMqError)) throw error;
      return error;
    }
  }

  async #open(): Promise<Connection> {
    const connection = await Connection.open(this.#options.connection, this.#user);
    if (!this.#stop.signal.aborted) return connection;
    connection.destroy();
    await connection.closed;
    throw new CipherMqError("connection", "closed while it was connecting");
  }

  #mayPass(error: CipherMqError): boolean {
    if (error.code !== "tls") return PASSING.has(error.code);
    // A broker that stops at this moment looks the same, once. Later it may be a mistake that its
    // operator mends; at the start it is this client's.
    return this.#wasUp || ++this.#tlsFailures < 2;
  }

  #nowMs(): number {
    return this.#runtime.clock.now().monoMs;
  }
}

/** What the wait for the first connection fails with when it is ended. */
export function interrupted(): CipherMqError {
  return new CipherMqError("connection", "interrupted before there was a connection");
}

/** Waits, at most until the signal. */
function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    cancel();
    signal.removeEventListener("abort", done);
    resolve();
  };
  const cancel = timers.after(ms, done);
  signal.addEventListener("abort", done);
  if (signal.aborted) done();
  return promise;
}
