/**
 * Opens mutually authenticated TLS connections, and says in words why one did not come about.
 *
 * @module
 */
import net from "node:net";
import tls from "node:tls";
import { CipherMqError } from "../base/errors.ts";
import type { Wire } from "../base/wire.ts";
import type { Credentials } from "./credentials.ts";
import { TlsWire } from "./tls_wire.ts";

/** Where the broker is, and who asks. */
export interface DialOptions {
  /** The broker's address or host name. */
  readonly host: string;
  /** The broker's TCP port. */
  readonly port: number;
  /** What the client proves itself with, and whom it trusts. */
  readonly credentials: Credentials;
  /** Whether the broker's certificate must be for `host`. Its chain is checked always. Default true. */
  readonly checkHostname?: boolean;
  /** How long connecting may take, handshake included, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number;
}

/** How a connection is made. Rejects with `connection`, `tls` or `timeout`. */
export type Dial = (options: DialOptions) => Promise<Wire>;

const TIMEOUT_MS = 10_000;

/** Connects and shakes hands. Rejects with `connection`, `tls` or `timeout`. */
export function dial(options: DialOptions): Promise<Wire> {
  const { promise, resolve, reject } = Promise.withResolvers<Wire>();
  const raw = net.connect({ host: options.host, port: options.port, noDelay: true });
  const secure = startTls(raw, options);
  const fail = (error: CipherMqError) => {
    clearTimeout(timer);
    secure.destroy();
    raw.destroy();
    reject(error);
  };
  const timeoutMs = options.connectTimeoutMs ?? TIMEOUT_MS;
  const timer = setTimeout(() => fail(tooSlow(options, timeoutMs)), timeoutMs);
  // Both report the same failure; the first one settles.
  raw.on("error", (cause: Error) => fail(connectError(options, cause)));
  secure.on("error", (cause: Error) => fail(connectError(options, cause)));
  secure.on("close", () => fail(connectError(options, new Error("closed during the handshake"))));
  secure.once("secureConnect", () => {
    clearTimeout(timer);
    for (const socket of [raw, secure]) socket.removeAllListeners("error");
    secure.removeAllListeners("close");
    resolve(new TlsWire(secure, raw));
  });
  return promise;
}

function startTls(raw: net.Socket, options: DialOptions): tls.TLSSocket {
  const { credentials, host, checkHostname = true } = options;
  return tls.connect({
    socket: raw,
    host,
    // RFC 6066, section 3: an address is not a server name.
    servername: net.isIP(host) === 0 ? host : "",
    cert: credentials.certificate,
    key: credentials.privateKey,
    ca: credentials.authorities,
    minVersion: "TLSv1.3",
    ...(!checkHostname && { checkServerIdentity: () => undefined }),
  });
}

function tooSlow({ host, port }: DialOptions, timeoutMs: number): CipherMqError {
  const why = `${host}:${port} did not answer within ${timeoutMs / 1000} s`;
  return new CipherMqError("timeout", `cannot connect to the broker: ${why}`);
}

const UNTRUSTED =
  /UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|SELF_SIGNED|CERT_SIGNATURE|INVALID_CA|CERT_UNTRUSTED/;
const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ETIMEDOUT: "the host does not answer",
  ECONNRESET: "the connection was closed during the handshake",
};

/** What a failed attempt means. */
export function connectError({ host, port }: DialOptions, cause: Error): CipherMqError {
  const code = String((cause as NodeJS.ErrnoException).code ?? "");
  const at = `${host}:${port}`;
  const failure = (kind: "connection" | "tls", why: string, hint?: string) => {
    const details = hint === undefined ? { cause } : { cause, hint };
    return new CipherMqError(kind, `cannot connect to the broker at ${at}: ${why}`, details);
  };
  if (code === "ECONNREFUSED") {
    return failure("connection", "nothing listens there", "start the broker: ciphermq serve");
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const hint =
      `make the server's certificate for it (ciphermq gen-certs --force --host ${host}) and restart the broker; or connect to a name that it has`;
    return failure("tls", `its certificate is not for the host '${host}'`, hint);
  }
  if (code === "CERT_HAS_EXPIRED") return failure("tls", "its certificate has expired");
  if (UNTRUSTED.test(code)) {
    const hint = "use the ca.crt of the authority that issued the broker's certificate";
    return failure("tls", "its certificate does not come from the authority trusted here", hint);
  }
  if (/ALERT/.test(code)) return refusedByBroker(at, cause);
  if (code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS") || code.startsWith("CERT_")) {
    return failure("tls", `the TLS handshake failed (${code})`, "is it a CipherMQ broker?");
  }
  return failure("connection", UNREACHABLE[code] ?? cause.message);
}

/** The broker hung up after the handshake: with TLS 1.3 that is how a client's certificate is refused. */
export function refusedByBroker(at: string, cause?: unknown): CipherMqError {
  const why = "it hung up after the handshake, as brokers do that refuse a client's certificate";
  return new CipherMqError("tls", `cannot connect to the broker at ${at}: ${why}`, {
    cause,
    hint:
      "use a client certificate that its authority issued, that is valid and has one Common Name",
  });
}
