/**
 * Checks the broker's own certificate and key before it starts: the platform would find out at
 * the first handshake only.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { CipherMqError } from "../base/errors.ts";

/** What a TLS server proves itself with and checks its clients by, as PEM text. */
export interface Credentials {
  /** The server's certificate; intermediate certificates may follow it. */
  readonly certificate: string;
  /** The private key of the certificate. */
  readonly privateKey: string;
  /** The certificates of the authorities whose clients may connect. */
  readonly authorities: string;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Throws unless the certificates and the key can be read, belong together and are valid `now`.
 *
 * @throws {CipherMqError} `configuration` with what is wrong.
 */
export function checkCredentials(credentials: Credentials, now: Date): void {
  const certificate = readAll(credentials.certificate, "the server's certificate")[0]!;
  const key = readKey(credentials.privateKey);
  if (!certificate.checkPrivateKey(key)) {
    throw unusable("the server's private key is not the key of its certificate");
  }
  requireOneValid([certificate], "the server's certificate", now);
  const authorities = readAll(credentials.authorities, "the authority's certificate");
  if (!authorities.every((authority) => authority.ca)) {
    throw unusable("the authority's certificate is not one of an authority (CA:TRUE)");
  }
  requireOneValid(authorities, "the authority's certificate", now);
}

function readAll(pem: string, what: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATES) ?? [];
  if (blocks.length === 0) throw unusable(`${what} is not in PEM form`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw unusable(`${what} cannot be read`, cause);
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // No cause: nothing that was made from a private key leaves this function.
    throw unusable("the server's private key is not an unencrypted key in PEM form");
  }
}

function requireOneValid(certificates: X509Certificate[], what: string, now: Date): void {
  const ends = certificates.map((certificate) => Date.parse(certificate.validTo));
  const last = Math.max(...ends);
  if (last <= now.getTime()) throw unusable(`${what} expired on ${new Date(last).toISOString()}`);
}

function unusable(why: string, cause?: unknown): CipherMqError {
  return new CipherMqError("configuration", `cannot start the TLS listener: ${why}`, {
    hint: "look at the [tls] section of config.toml; `ciphermq gen-certs` makes certificates",
    cause,
  });
}
