/**
 * The checks that a real peer cannot make the platform fail, with a stand-in for its socket.
 *
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { judgePeer, type Peer } from "../../lib/server/peer.ts";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";

const notAfter = new Date("2040-01-01T00:00:00Z");
const { cert } = await makeCertificate(await makeTestAuthority(), { subject: "alice", notAfter });
const raw = new X509Certificate(cert).raw;

function peer(facts: { authorized?: boolean; reused?: boolean; raw?: Uint8Array | null }): Peer {
  const certificate = { raw: facts.raw === null ? undefined : facts.raw ?? raw };
  return {
    authorized: facts.authorized ?? true,
    isSessionReused: () => facts.reused ?? false,
    getPeerCertificate: () => certificate,
  } as unknown as Peer;
}

Deno.test("a verified peer has the identity of its certificate until that ends", () => {
  const validToMs = notAfter.getTime();
  assert.deepEqual(judgePeer(peer({}), validToMs - 1), { identity: "alice", validToMs });
  assert.deepEqual(judgePeer(peer({}), validToMs), { refusal: "expired_certificate" });
});

Deno.test("a peer that the platform did not verify is refused", () => {
  assert.deepEqual(judgePeer(peer({ authorized: false }), 0), { refusal: "not_authorized" });
});

Deno.test("a peer that resumed a session is refused", () => {
  assert.deepEqual(judgePeer(peer({ reused: true }), 0), { refusal: "resumed_session" });
});

Deno.test("a peer whose certificate is missing or cannot be read is refused", () => {
  for (const bytes of [null, new Uint8Array(), raw.subarray(0, 100), new Uint8Array(500)]) {
    assert.deepEqual(judgePeer(peer({ raw: bytes }), 0), { refusal: "unreadable_certificate" });
  }
});
