/**
 * Certificates of servers and clients, signed by an authority.
 *
 * @module
 */
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { CipherMqError } from "../base/errors.ts";
import { isIdentity } from "../base/identity_name.ts";
import type { Authority, CertificateAndKey } from "./authority.ts";
import { toHost } from "./host.ts";
import { days, earlier, newKeyPair, newSerialNumber, privateKeyPem, SIGNING } from "./signing.ts";

/** How long a server's or client's certificate is valid unless asked otherwise, in days. */
export const DEFAULT_DAYS = 365;

/**
 * For how long a certificate is made.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { Validity } from "./certificate.ts";
 *
 * const aMonth: Validity = { days: 30 };
 * assert(aMonth.days === 30);
 * ```
 */
export interface Validity {
  /** Days from `now`; cut to the authority's own last day. Default 365. */
  readonly days?: number;
  /** The moment it is made. Default the present. */
  readonly now?: Date;
}

/**
 * What a server's certificate is made for.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { ServerCertificateOptions } from "./certificate.ts";
 *
 * const options: ServerCertificateOptions = { hosts: ["mq.example.org", "10.0.0.7"] };
 * assert(options.days === undefined);
 * ```
 */
export interface ServerCertificateOptions extends Validity {
  /** Host names and IP addresses besides `localhost`, `127.0.0.1` and `::1`. Default none. */
  readonly hosts?: readonly string[];
}

const SERVER_NAME = "CipherMQ-Server";
const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"];

/**
 * Makes a key and a certificate `CN=CipherMQ-Server` for the hosts given and this machine.
 *
 * @throws {CipherMqError} `usage` when a host is neither a DNS name nor an IP address, or the
 * authority has expired.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createAuthority } from "./authority.ts";
 * import { issueServerCertificate } from "./certificate.ts";
 *
 * const authority = await createAuthority();
 * const server = await issueServerCertificate(authority, { hosts: ["mq.example.org"] });
 * assert(server.notAfter < authority.notAfter);
 * ```
 */
export async function issueServerCertificate(
  authority: Authority,
  options: ServerCertificateOptions = {},
): Promise<CertificateAndKey> {
  const hosts = [...LOCAL_HOSTS, ...(options.hosts ?? [])].map(toHost);
  const unique = new Map(hosts.map((host) => [`${host.type} ${host.value}`, host]));
  const names: JsonGeneralNames = [...unique.values()];
  return await issue(authority, SERVER_NAME, options, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(names),
  ]);
}

/**
 * Makes a key and a certificate for the client `identity`.
 *
 * @throws {CipherMqError} `invalid_name` when `identity` cannot be one, `usage` when the authority
 * has expired.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createAuthority } from "./authority.ts";
 * import { issueClientCertificate } from "./certificate.ts";
 *
 * const client = await issueClientCertificate(await createAuthority(), "sender_1", { days: 30 });
 * assert(client.certificatePem.startsWith("-----BEGIN CERTIFICATE-----"));
 * ```
 */
export async function issueClientCertificate(
  authority: Authority,
  identity: string,
  validity: Validity = {},
): Promise<CertificateAndKey> {
  if (!isIdentity(identity)) {
    throw new CipherMqError(
      "invalid_name",
      `cannot issue a client certificate for ${
        JSON.stringify(identity)
      }: a client's name has 1 to ` +
        "64 letters, digits, '.', '_' and '-' and begins with a letter or digit",
    );
  }
  return await issue(authority, identity, validity, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
  ]);
}

async function issue(
  authority: Authority,
  commonName: string,
  validity: Validity,
  extensions: readonly Extension[],
): Promise<CertificateAndKey> {
  const issuer = new X509Certificate(authority.certificatePem);
  const keys = await newKeyPair();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: [{ CN: [commonName] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: authority.signingKey,
    signingAlgorithm: SIGNING,
    ...validFrom(authority, validity),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...extensions,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return {
    certificatePem: certificate.toString("pem") + "\n",
    privateKeyPem: await privateKeyPem(keys.privateKey),
    notAfter: certificate.notAfter,
  };
}

function validFrom(
  authority: Authority,
  { days: count = DEFAULT_DAYS, now = new Date() }: Validity,
): { notBefore: Date; notAfter: Date } {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new CipherMqError(
      "usage",
      "a certificate is valid for a whole number of days, at least 1",
    );
  }
  const end = authority.notAfter.getTime();
  if (end <= now.getTime()) {
    throw new CipherMqError(
      "usage",
      `the certificate authority expired on ${authority.notAfter.toISOString()}`,
      { hint: "make a new authority in another folder, then hand its ca.crt to everyone" },
    );
  }
  const start = Math.max(earlier(now).getTime(), authority.notBefore.getTime());
  return {
    notBefore: new Date(start),
    notAfter: new Date(Math.min(days(now, count).getTime(), end)),
  };
}
