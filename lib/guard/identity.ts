/**
 * Who is it: from the facts of a verified client certificate to an identity, or a reason to refuse.
 *
 * @module
 */
import { isIdentity } from "../base/identity_name.ts";

/** What must be known of a certificate whose chain has been verified. */
export interface PeerCertificate {
  /** The value of every Common Name in its subject, in order. */
  readonly commonNames: readonly string[];
  /** Whether it may sign certificates (RFC 5280, sections 4.2.1.3 and 4.2.1.9). */
  readonly authority: boolean;
  /** Object identifiers of its extended key usages; empty when it has none (section 4.2.1.12). */
  readonly usages: readonly string[];
}

/** Why a certificate gives no identity. */
export type IdentityRefusal =
  | "authority_certificate"
  | "no_client_usage"
  | "no_common_name"
  | "several_common_names"
  | "bad_common_name";

/** An identity, or why there is none. */
export type IdentityVerdict =
  | { readonly identity: string }
  | { readonly refusal: IdentityRefusal };

/** id-kp-clientAuth (RFC 5280, section 4.2.1.12). */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * The identity of a client whose certificate chain has been verified: its one Common Name. The
 * platform lets an authority's own certificate, certificates without a usage and any name pass, so
 * all of that is refused here.
 */
export function identityOf(certificate: PeerCertificate): IdentityVerdict {
  if (certificate.authority) return { refusal: "authority_certificate" };
  if (!certificate.usages.includes(CLIENT_AUTH)) return { refusal: "no_client_usage" };
  const [name, ...others] = certificate.commonNames;
  if (name === undefined) return { refusal: "no_common_name" };
  if (others.length > 0) return { refusal: "several_common_names" };
  return isIdentity(name) ? { identity: name } : { refusal: "bad_common_name" };
}
