/**
 * The certificate authority that every certificate of a broker and its clients comes from.
 *
 * @module
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { CipherMqError } from "../base/errors.ts";
import { days, earlier, newKeyPair, newSerialNumber, privateKeyPem, SIGNING } from "./signing.ts";

/**
 * A certificate and its private key, as PEM text.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type CertificateAndKey, createAuthority } from "./authority.ts";
 *
 * const made: CertificateAndKey = await createAuthority();
 * assert(made.privateKeyPem.startsWith("-----BEGIN PRIVATE KEY-----"));
 * ```
 */
export interface CertificateAndKey {
  /** The X.509 certificate. */
  readonly certificatePem: string;
  /** The private key, PKCS#8, not encrypted. */
  readonly privateKeyPem: string;
  /** The last moment the certificate is valid. */
  readonly notAfter: Date;
}

/**
 * A certificate authority, able to sign.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Authority, createAuthority } from "./authority.ts";
 *
 * const authority: Authority = await createAuthority();
 * assert(authority.notAfter > new Date());
 * ```
 */
export interface Authority extends CertificateAndKey {
  /** The first moment the certificate is valid. */
  readonly notBefore: Date;
  /** The private key, ready to sign and not to be exported. */
  readonly signingKey: CryptoKey;
}

/** How long an authority is valid, in days: ten years. */
export const AUTHORITY_DAYS = 3652;

const NAME = [{ CN: ["CipherMQ-CA"] }];

/**
 * Makes a new authority `CN=CipherMQ-CA`, valid for ten years from `now` (default the present).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createAuthority } from "./authority.ts";
 *
 * const { certificatePem } = await createAuthority();
 * assert(certificatePem.startsWith("-----BEGIN CERTIFICATE-----"));
 * ```
 */
export async function createAuthority(now: Date = new Date()): Promise<Authority> {
  const keys = await newKeyPair();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: NAME,
    keys,
    signingAlgorithm: SIGNING,
    notBefore: earlier(now),
    notAfter: days(now, AUTHORITY_DAYS),
    extensions: [
      // Path length 0: it signs certificates of servers and clients, never of other authorities.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: certificate.toString("pem") + "\n",
    privateKeyPem: await privateKeyPem(keys.privateKey),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    signingKey: keys.privateKey,
  };
}

/**
 * Takes an existing authority from its PEM texts.
 *
 * @throws {CipherMqError} `configuration` when one of them cannot be read, is not of an authority
 * on the curve P-384, or does not belong to the other.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createAuthority, loadAuthority } from "./authority.ts";
 *
 * const made = await createAuthority();
 * const loaded = await loadAuthority(made.certificatePem, made.privateKeyPem);
 * assert(loaded.notAfter.getTime() === made.notAfter.getTime());
 * ```
 */
export async function loadAuthority(
  certificatePem: string,
  keyPem: string,
): Promise<Authority> {
  const certificate = parseCertificate(certificatePem);
  const signingKey = await importKey(keyPem);
  if (!certificate.getExtension(BasicConstraintsExtension)?.ca) {
    throw unusable("the certificate is not one of an authority (CA:TRUE)");
  }
  if (!await belongTogether(certificate, signingKey)) {
    throw unusable("the private key is not the certificate's");
  }
  return {
    certificatePem,
    privateKeyPem: keyPem,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    signingKey,
  };
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw unusable("the certificate is not an X.509 certificate in PEM form", cause);
  }
}

async function importKey(pem: string): Promise<CryptoKey> {
  try {
    const der = PemConverter.decodeFirst(pem);
    return await crypto.subtle.importKey("pkcs8", der, SIGNING, false, ["sign"]);
  } catch (cause) {
    throw unusable("the private key is not a P-384 key in PKCS#8 PEM form", cause);
  }
}

async function belongTogether(certificate: X509Certificate, key: CryptoKey): Promise<boolean> {
  const probe = new TextEncoder().encode("ciphermq");
  const signature = await crypto.subtle.sign(SIGNING, key, probe);
  try {
    const publicKey = await certificate.publicKey.export(SIGNING, ["verify"]);
    return await crypto.subtle.verify(SIGNING, publicKey, signature, probe);
  } catch {
    return false;
  }
}

function unusable(why: string, cause?: unknown): CipherMqError {
  return new CipherMqError("configuration", `cannot use the certificate authority: ${why}`, {
    cause,
  });
}
