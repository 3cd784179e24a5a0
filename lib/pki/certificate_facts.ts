/**
 * Reads what matters from an X.509 certificate.
 *
 * @module
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate,
} from "@peculiar/x509";

/** What a certificate says (RFC 5280). */
export interface CertificateFacts {
  /**
   * The value of every Common Name in its subject, in order. Not checked in any way; one that is no
   * string is `#` and its bytes in hex (RFC 4514, section 2.4).
   */
  readonly commonNames: readonly string[];
  /** Whether it may sign certificates: CA:TRUE or keyCertSign. */
  readonly authority: boolean;
  /** Object identifiers of its extended key usages; empty when it has none. */
  readonly usages: readonly string[];
  /** The first moment it is valid. */
  readonly notBefore: Date;
  /** The last moment it is valid. */
  readonly notAfter: Date;
}

/**
 * Reads a certificate from PEM text or DER bytes. It does not verify the signature.
 *
 * @throws {Error} of some kind when it is not a certificate.
 */
export function readCertificate(certificate: string | Uint8Array): CertificateFacts {
  // A copy, because the bytes may be a view of a larger buffer.
  const parsed = new X509Certificate(
    typeof certificate === "string" ? certificate : new Uint8Array(certificate),
  );
  const signs = (flags: KeyUsageFlags) => (flags & KeyUsageFlags.keyCertSign) !== 0;
  return {
    // Not `getField`, which gives the bytes of a value that is no string as if their hex were a name.
    commonNames: parsed.subjectName.toJSON().flatMap((part) => part.CN ?? []),
    authority: parsed.getExtensions(BasicConstraintsExtension).some((extension) => extension.ca) ||
      parsed.getExtensions(KeyUsagesExtension).some((extension) => signs(extension.usages)),
    usages: Array.from(parsed.getExtensions(ExtendedKeyUsageExtension))
      .flatMap((extension) => extension.usages.map(String)),
    notBefore: parsed.notBefore,
    notAfter: parsed.notAfter,
  };
}
