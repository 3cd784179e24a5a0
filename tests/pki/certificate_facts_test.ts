/**
 * Reading certificates, odd ones included.
 *
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { isIdentity } from "../../lib/base/identity_name.ts";
import { readCertificate } from "../../lib/pki/certificate_facts.ts";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";

const authority = await makeTestAuthority();

Deno.test("PEM text and DER bytes say the same, also as a view of a larger buffer", async () => {
  const { cert } = await makeCertificate(authority, { subject: "alice" });
  const der = new X509Certificate(cert).raw;
  const padded = new Uint8Array(der.length + 20).fill(0xff);
  padded.set(der, 10);
  const facts = readCertificate(cert);
  assert.deepEqual(facts.commonNames, ["alice"]);
  assert.deepEqual(facts.usages, ["1.3.6.1.5.5.7.3.2"]);
  assert.equal(facts.authority, false);
  assert.deepEqual(readCertificate(padded.subarray(10, 10 + der.length)), facts);
});

Deno.test("every Common Name is seen, wherever it is, and as it is", async () => {
  const subjects = [
    [{ CN: ["a"] }, { O: ["x"] }, { CN: ["b"] }],
    [{ CN: ["a", "b"] }],
    [{ CN: ["al\nice ACK"] }],
    [{ O: ["CN=alice"] }],
  ];
  const seen = [["a", "b"], ["a", "b"], ["al\nice ACK"], []];
  for (const [place, subject] of subjects.entries()) {
    const { cert } = await makeCertificate(authority, { subject });
    assert.deepEqual(readCertificate(cert).commonNames, seen[place]);
  }
});

Deno.test("a Common Name that is no string cannot be taken for a name", async () => {
  const { cert } = await makeCertificate(authority, { subject: "alice" });
  const der = new Uint8Array(new X509Certificate(cert).raw);
  const text = new TextDecoder("latin1").decode(der);
  const tag = text.lastIndexOf("\u0005alice") - 1;
  // The tag of a UTCTime (X.680, section 47), or of nothing that there is, instead of a string's.
  for (const other of [0x17, 0x02, 0x8c]) {
    der[tag] = other;
    const hex = `#${other.toString(16).padStart(2, "0")}05616c696365`;
    assert.deepEqual(readCertificate(der).commonNames, [hex]);
    assert.equal(isIdentity(hex), false);
  }
});

Deno.test("an authority is known by either mark of one", async () => {
  const { cert } = await makeCertificate(authority, { ca: true });
  assert.equal(readCertificate(cert).authority, true);
  assert.equal(readCertificate(authority.certificatePem).authority, true);
});

Deno.test("what is no certificate throws", () => {
  for (const bytes of [new Uint8Array(), new Uint8Array(100), new Uint8Array([0x30, 0x82])]) {
    assert.throws(() => readCertificate(bytes));
  }
  assert.throws(() => readCertificate("nonsense"));
});
