/**
 * The last check of a finished handshake: who the peer is, or why it is refused.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";
import { identityOf, type IdentityRefusal } from "../guard/identity.ts";
import { type CertificateFacts, readCertificate } from "../pki/certificate_facts.ts";

/** Why a peer that has finished its handshake is refused, as logged. */
export type PeerRefusal =
  | IdentityRefusal
  | "not_authorized"
  | "resumed_session"
  | "unreadable_certificate"
  | "expired_certificate";

/** Who the peer is and until when its certificate is valid, or why it is refused. */
export type PeerVerdict =
  | { readonly identity: string; readonly validToMs: number }
  | { readonly refusal: PeerRefusal };

/** What is asked of a TLS socket. */
export type Peer = Pick<TLSSocket, "authorized" | "isSessionReused" | "getPeerCertificate">;

/**
 * Checks again what the platform should have checked, and all that it does not. `nowMs` is in
 * milliseconds since the Unix epoch.
 */
export function judgePeer(tls: Peer, nowMs: number): PeerVerdict {
  if (tls.authorized !== true) return { refusal: "not_authorized" };
  // A resumed session skips the check of the certificate, which may have expired meanwhile.
  if (tls.isSessionReused()) return { refusal: "resumed_session" };
  const facts = factsOf(tls);
  if (facts === undefined) return { refusal: "unreadable_certificate" };
  const verdict = identityOf(facts);
  if ("refusal" in verdict) return verdict;
  const validToMs = facts.notAfter.getTime();
  if (!(validToMs > nowMs)) return { refusal: "expired_certificate" };
  return { identity: verdict.identity, validToMs };
}

function factsOf(tls: Peer): CertificateFacts | undefined {
  try {
    // The platform's own reading has no key usages, so the certificate is read from its bytes.
    return readCertificate(tls.getPeerCertificate().raw);
  } catch {
    return undefined;
  }
}
