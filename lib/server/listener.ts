/**
 * The mTLS listener: from a TCP connection to a client with an identity, or to nothing. Every
 * defence that the platform leaves to its user is here.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { CipherMqError } from "../base/errors.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import { type ClientSocket, TlsClientSocket } from "./client_socket.ts";
import { checkCredentials } from "./credentials.ts";
import { judgePeer, type PeerRefusal } from "./peer.ts";
import { RefusalLog } from "./refusal_log.ts";
import { Tally } from "./tally.ts";

export type { ClientSocket };

/** What a {@linkcode Listener} is started with. */
export interface ListenerOptions {
  /** The address to listen on, such as `127.0.0.1`, `::1` or a host name. */
  readonly host: string;
  /** The TCP port; 0 takes a free one. */
  readonly port: number;
  /** The server's certificate, PEM; intermediate certificates may follow it. */
  readonly certificate: string;
  /** The private key of the certificate, PEM. */
  readonly privateKey: string;
  /** The certificates of the authorities whose clients may connect, PEM. */
  readonly authorities: string;
  /** Caps on connections, and how long a handshake may take. */
  readonly limits: Pick<
    Limits,
    | "handshakeTimeoutMs"
    | "maxConnections"
    | "maxConnectionsPerAddress"
    | "maxHandshakesPerAddress"
    | "maxConnectionsPerIdentity"
  >;
  /** The oldest TLS version that clients may speak. Default `TLSv1.3`. */
  readonly minTlsVersion?: "TLSv1.3" | "TLSv1.2";
  /** Where the time comes from. Default the machine's clocks. */
  readonly clock?: Clock;
  /** Gets every accepted client, once. It must not throw. */
  readonly onClient: (client: ClientSocket) => void;
  /** Called for every connection that is refused. It must not throw. */
  readonly onRefused?: () => void;
}

/** Why a connection got nowhere, as logged. */
export type Refusal =
  | PeerRefusal
  | "too_many_connections"
  | "too_many_connections_of_address"
  | "too_many_connections_of_identity"
  | "too_many_handshakes_of_address"
  | "handshake_timeout"
  | "handshake_failed"
  | "no_certificate"
  | "stopping";

/** A connection whose handshake is under way. */
interface Handshake {
  readonly address: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** How long idle connections wait for the first keep-alive probe, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;
/**
 * How long one wait for a certificate's end may be, in milliseconds. Timers take no more than 2^31
 * (25 days), and the wall clock may be set meanwhile.
 */
const MAX_WAIT_MS = 60 * 60 * 1000;
const BACKLOG = 511;
const NO_CERTIFICATE = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";
const IPV4_MAPPED = /^::ffff:(?=\d+\.)/i;

const log = logger("listener");

/** Accepts clients that prove who they are. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #clock: Clock;
  readonly #acceptor: Server;
  readonly #secure: TlsServer;
  readonly #refusals: RefusalLog;
  readonly #handshakes = new Map<Socket, Handshake>();
  readonly #perAddress = new Tally();
  readonly #handshakesPerAddress = new Tally();
  readonly #perIdentity = new Tally();
  readonly #connections = new Set<Socket>();
  #closed: Promise<void> | undefined;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#refusals = new RefusalLog(this.#clock);
    this.#secure = createTlsServer({
      cert: options.certificate,
      key: options.privateKey,
      ca: options.authorities,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: options.minTlsVersion ?? "TLSv1.3",
      // Frees what the platform keeps for a failed handshake; the listener's own timer is earlier.
      handshakeTimeout: options.limits.handshakeTimeoutMs + 1_000,
    });
    // Accepting with a TCP server of one's own lets a connection be refused before any TLS is done.
    this.#acceptor = createTcpServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    }, (raw) => this.#accept(raw));
    this.#secure.on("secureConnection", (tls: TLSSocket) => this.#secured(tls));
    this.#secure.on("tlsClientError", (error, tls) => this.#failed(error, tls));
    this.#secure.on("error", (error) => log.error("TLS server error", { code: codeOf(error) }));
  }

  /**
   * Starts to listen.
   *
   * @throws {CipherMqError} `configuration` when the certificates or the key cannot be used or the
   * address cannot be listened on.
   */
  static async start(options: ListenerOptions): Promise<Listener> {
    const clock = options.clock ?? systemClock;
    checkCredentials(options, new Date(clock.now().wallMs));
    const listener = new Listener(options);
    await listener.#listen();
    return listener;
  }

  /** Where it listens; the port that was taken when 0 was asked for. */
  get address(): { readonly host: string; readonly port: number } {
    const bound = this.#acceptor.address();
    if (bound !== null && typeof bound === "object") {
      return { host: bound.address, port: bound.port };
    }
    return { host: this.#options.host, port: this.#options.port };
  }

  /**
   * Takes no more connections and drops the ones whose handshake is under way. Accepted clients
   * stay; resolves when the last of them is gone.
   */
  stopAccepting(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#acceptor.close(() => resolve());
      for (const raw of [...this.#handshakes.keys()]) this.#refuse(raw, "stopping");
    });
    return this.#closed;
  }

  /** Takes no more connections and cuts off every client. */
  async close(): Promise<void> {
    const closed = this.stopAccepting();
    for (const raw of this.#connections) raw.destroy();
    await closed;
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    const listening = Promise.withResolvers<void>();
    this.#acceptor.once(
      "error",
      (cause: Error) => listening.reject(cannotListen(host, port, cause)),
    );
    this.#acceptor.listen({ host, port, backlog: BACKLOG }, () => listening.resolve());
    await listening.promise;
    this.#acceptor.removeAllListeners("error");
    // Too many open files, for example: the next connection may well be accepted.
    this.#acceptor.on("error", (error) => log.error("cannot accept", { code: codeOf(error) }));
  }

  #accept(raw: Socket): void {
    raw.on("error", ignore); // "close" follows
    const address = raw.remoteAddress?.replace(IPV4_MAPPED, "");
    if (address === undefined) {
      raw.destroy();
      return;
    }
    const full = this.#fullness(address);
    if (full !== undefined) {
      this.#note(full, address);
      raw.destroy();
      return;
    }
    this.#connections.add(raw);
    this.#perAddress.add(address);
    raw.once("close", () => this.#gone(raw, address));
    const { handshakeTimeoutMs } = this.#options.limits;
    const timer = setTimeout(() => this.#refuse(raw, "handshake_timeout"), handshakeTimeoutMs);
    this.#handshakes.set(raw, { address, timer });
    this.#handshakesPerAddress.add(address);
    this.#secure.emit("connection", raw);
  }

  #fullness(address: string): Refusal | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxHandshakesPerAddress } =
      this.#options.limits;
    if (this.#connections.size >= maxConnections) return "too_many_connections";
    if (this.#perAddress.of(address) >= maxConnectionsPerAddress) {
      return "too_many_connections_of_address";
    }
    return this.#handshakesPerAddress.of(address) >= maxHandshakesPerAddress
      ? "too_many_handshakes_of_address"
      : undefined;
  }

  #gone(raw: Socket, address: string): void {
    // The platform tells in a moment why the handshake failed, if it knows.
    setImmediate(() => this.#refuse(raw, "handshake_failed"));
    this.#connections.delete(raw);
    this.#perAddress.remove(address);
  }

  #secured(tls: TLSSocket): void {
    tls.on("error", ignore); // "close" follows
    const raw = rawOf(tls);
    const address = raw && this.#handshakes.get(raw)?.address;
    if (raw === undefined || address === undefined || !this.#connections.has(raw)) {
      tls.destroy();
      return;
    }
    const verdict = judgePeer(tls, this.#clock.now().wallMs);
    if ("refusal" in verdict) {
      this.#refuse(raw, verdict.refusal);
      return;
    }
    const { identity } = verdict;
    if (this.#perIdentity.of(identity) >= this.#options.limits.maxConnectionsPerIdentity) {
      this.#refuse(raw, "too_many_connections_of_identity");
      return;
    }
    this.#perIdentity.add(identity);
    raw.once("close", () => this.#perIdentity.remove(identity));
    this.#endHandshake(raw);
    const client = new TlsClientSocket(tls, raw, identity, address);
    this.#closeAtExpiry(tls, client, verdict.validToMs);
    this.#options.onClient(client);
  }

  #closeAtExpiry(tls: TLSSocket, client: TlsClientSocket, validToMs: number): void {
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      const leftMs = validToMs - this.#clock.now().wallMs;
      if (leftMs > 0) {
        timer = setTimeout(wait, Math.min(leftMs, MAX_WAIT_MS));
        return;
      }
      const { identity, remoteAddress } = client;
      log.warn("certificate expired, closing", { identity, address: remoteAddress });
      client.destroy();
    };
    wait();
    tls.once("close", () => clearTimeout(timer));
  }

  #failed(error: Error, tls: TLSSocket): void {
    const raw = rawOf(tls);
    // Of a certificate that does not verify, the error says no more than that the connection ended.
    const code = codeOf(tls.authorizationError ? { code: tls.authorizationError } : error);
    const refusal = code === NO_CERTIFICATE ? "no_certificate" : "handshake_failed";
    if (raw !== undefined) this.#refuse(raw, refusal, code);
    tls.destroy();
  }

  /** Ends a connection whose handshake is under way; does nothing to any other. */
  #refuse(raw: Socket, refusal: Refusal, code?: string): void {
    const address = this.#endHandshake(raw);
    if (address === undefined) return;
    if (refusal !== "stopping") this.#note(refusal, address, code);
    raw.destroy();
  }

  /** Frees the place of a handshake. Gives its address, or nothing if it had ended before. */
  #endHandshake(raw: Socket): string | undefined {
    const handshake = this.#handshakes.get(raw);
    if (handshake === undefined) return undefined;
    clearTimeout(handshake.timer);
    this.#handshakes.delete(raw);
    this.#handshakesPerAddress.remove(handshake.address);
    return handshake.address;
  }

  #note(refusal: Refusal, address: string, code?: string): void {
    this.#refusals.note(refusal, address, code);
    this.#options.onRefused?.();
  }
}

function ignore(): void {}

/**
 * The TCP socket under a TLS socket. A failed TLS socket has no address any more, so there is no
 * other way to find it; where this finds nothing the connection is refused.
 */
function rawOf(tls: TLSSocket): Socket | undefined {
  return (tls as unknown as { _parent?: Socket })._parent;
}

/** The platform's code for an error: never text that a peer has chosen. */
function codeOf(error: object): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code) ? code : "unknown";
}

const OTHER_ADDRESS = "set another `address` in config.toml";
const OWN_ADDRESS = "set `address` in config.toml to one of this machine's own";
const NOT_HERE = { why: "this machine does not have that address", hint: OWN_ADDRESS };

/** Why the system lets nobody listen, and what to do next. */
const LISTEN_PROBLEMS: ReadonlyMap<string, { readonly why: string; readonly hint: string }> =
  new Map([
    ["EADDRINUSE", {
      why: "another program listens there already",
      hint: `stop the other program, or ${OTHER_ADDRESS}`,
    }],
    ["EACCES", { why: "this user may not use that port", hint: OTHER_ADDRESS }],
    ["EADDRNOTAVAIL", NOT_HERE],
    ["EINVAL", NOT_HERE],
    ["ENOTFOUND", { why: "no such host", hint: OWN_ADDRESS }],
  ]);

function cannotListen(host: string, port: number, cause: Error): CipherMqError {
  const code = codeOf(cause);
  const { why, hint } = LISTEN_PROBLEMS.get(code) ?? { why: code, hint: OTHER_ADDRESS };
  const text = `cannot listen on ${host}, port ${port}: ${why}`;
  return new CipherMqError("configuration", text, { hint, cause });
}
