/**
 * Certificates of every kind, good and odd, for tests over real TLS.
 *
 * @module
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type Authority, createAuthority } from "../../lib/pki/authority.ts";
import { newKeyPair, newSerialNumber, privateKeyPem, SIGNING } from "../../lib/pki/signing.ts";

/** A certificate and its key, as a TLS socket takes them. */
export interface TestCertificate {
  /** The certificate, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
}

/** What a test certificate says. The defaults are those of a good client certificate. */
export interface TestCertificateOptions {
  /** Its subject: one Common Name, or any list of names. Default `alice`. */
  readonly subject?: string | JsonName;
  /** What it may be used for; empty for no such extension. Default clientAuth. */
  readonly eku?: readonly ("clientAuth" | "serverAuth")[];
  /** Whether it may sign certificates. Default false. */
  readonly ca?: boolean;
  /** When its validity begins. Default an hour ago. */
  readonly notBefore?: Date;
  /** When its validity ends. Default in a day. */
  readonly notAfter?: Date;
  /** Signed by its own key, not by the authority. Default false. */
  readonly selfSigned?: boolean;
}

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

const authorities = new Map<string, Promise<Authority>>();

/** An authority, the same for the same `label` in one test process. */
export function makeTestAuthority(label = "main"): Promise<Authority> {
  let authority = authorities.get(label);
  if (authority === undefined) {
    authority = createAuthority();
    authorities.set(label, authority);
  }
  return authority;
}

/** Makes a certificate as odd as asked, signed by `authority`. */
export async function makeCertificate(
  authority: Authority,
  options: TestCertificateOptions = {},
): Promise<TestCertificate> {
  const keys = await newKeyPair();
  const subject = nameOf(options.subject ?? "alice");
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject,
    issuer: options.selfSigned
      ? subject
      : new X509Certificate(authority.certificatePem).subjectName,
    publicKey: keys.publicKey,
    signingKey: options.selfSigned ? keys.privateKey : authority.signingKey,
    signingAlgorithm: SIGNING,
    notBefore: options.notBefore ?? new Date(Date.now() - HOUR_MS),
    notAfter: options.notAfter ?? new Date(Date.now() + DAY_MS),
    extensions: extensionsOf(options),
  });
  return {
    cert: certificate.toString("pem") + "\n",
    key: await privateKeyPem(keys.privateKey),
  };
}

/** A certificate for a server on this machine. */
export function makeServerCertificate(authority: Authority): Promise<TestCertificate> {
  return makeCertificate(authority, { subject: "CipherMQ-Server", eku: ["serverAuth"] });
}

/** The authority's own certificate and key, as a client would misuse them. */
export function authorityAsClient(authority: Authority): TestCertificate {
  return { cert: authority.certificatePem, key: authority.privateKeyPem };
}

/** Any certificate used as if it were an authority's. */
export async function asAuthority({ cert, key }: TestCertificate): Promise<Authority> {
  const certificate = new X509Certificate(cert);
  const der = PemConverter.decodeFirst(key);
  return {
    certificatePem: cert,
    privateKeyPem: key,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    signingKey: await crypto.subtle.importKey("pkcs8", der, SIGNING, false, ["sign"]),
  };
}

function nameOf(subject: string | JsonName): JsonName {
  return typeof subject === "string" ? [{ CN: [subject] }] : subject;
}

function extensionsOf({ eku = ["clientAuth"], ca = false }: TestCertificateOptions): Extension[] {
  const extensions: Extension[] = [
    new BasicConstraintsExtension(ca, undefined, true),
    new KeyUsagesExtension(
      ca
        ? KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature
        : KeyUsageFlags.digitalSignature,
      true,
    ),
  ];
  if (eku.length > 0) {
    extensions.push(new ExtendedKeyUsageExtension(eku.map((usage) => ExtendedKeyUsage[usage])));
  }
  if (eku.includes("serverAuth")) {
    extensions.push(
      new SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
    );
  }
  return extensions;
}
