/**
 * What a client proves itself with, read and checked before the first handshake: a broker that does
 * not like a certificate just hangs up, and the platform does not even say that a file is garbage.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { configurationError, readConfiguredFile, readSecretFile } from "../base/configuration.ts";

/** A client's certificate and key, and whom it trusts, as PEM text. */
export interface Credentials {
  /** The client's certificate. */
  readonly certificate: string;
  /** The private key of the certificate. */
  readonly privateKey: string;
  /** The certificates of the authorities that a broker's certificate may come from. */
  readonly authorities: string;
}

/** Where the three are. */
export interface CredentialFiles {
  /** The client's certificate. */
  readonly certPath: string;
  /** The private key of the certificate. */
  readonly keyPath: string;
  /** The authority's certificate. */
  readonly caPath: string;
}

const HINT = "`ciphermq gen-certs NAME` makes a client's certificate, or point --certs at them";

/**
 * Reads the files. Throws `configuration` when one cannot be read or is not what it should be, when
 * others than its owner can read the key, when
 * the key is another certificate's, or when the certificate has expired at `wallMs`.
 */
export function readCredentials(files: CredentialFiles, wallMs: number): Credentials {
  const credentials = {
    certificate: readConfiguredFile(files.certPath, "the client's certificate", HINT),
    privateKey: readSecretFile(files.keyPath, "the key of the client's certificate", HINT),
    authorities: readConfiguredFile(files.caPath, "the authority's certificate", HINT),
  };
  const certificate = parseCertificate(credentials.certificate, files.certPath);
  parseCertificate(credentials.authorities, files.caPath);
  if (!certificate.checkPrivateKey(parseKey(credentials.privateKey, files.keyPath))) {
    throw configurationError(files.keyPath, `it is not the key of ${files.certPath}`, HINT);
  }
  if (Date.parse(certificate.validTo) <= wallMs) {
    const hint = "renew it with `ciphermq gen-certs --force`";
    throw configurationError(files.certPath, `it expired on ${certificate.validTo}`, hint);
  }
  return credentials;
}

function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw configurationError(path, "it is not a certificate in PEM form", HINT);
  }
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw configurationError(path, "it is not an unencrypted private key in PEM form", HINT);
  }
}
