/**
 * Certificates as made, and as OpenSSL reads them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";
import { type CertificateAndKey, createAuthority, loadAuthority } from "../../lib/pki/authority.ts";
import { issueClientCertificate, issueServerCertificate } from "../../lib/pki/certificate.ts";
import { readCertificate } from "../../lib/pki/certificate_facts.ts";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const MINUTE_MS = 60_000;
const authority = await makeTestAuthority();

function throwsCode(code: ErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof CipherMqError);
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((output) => output.success, () => false);

/** Runs OpenSSL in a folder with the authority and `one`; gives what it prints. */
async function openssl(one: CertificateAndKey, args: readonly string[]): Promise<string> {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/ca.crt`, authority.certificatePem);
    await Deno.writeTextFile(`${cwd}/one.crt`, one.certificatePem);
    await Deno.writeTextFile(`${cwd}/one.key`, one.privateKeyPem);
    const { stdout, stderr, success } = await new Deno.Command("openssl", { args: [...args], cwd })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

const TEXT = ["x509", "-in", "one.crt", "-noout", "-text"];
const verify = (purpose: string) => [
  ...["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.crt", "one.crt"],
];

Deno.test({
  name: "OpenSSL reads the authority's certificate as it is meant",
  ignore: !hasOpenssl,
  async fn() {
    const text = await openssl(authority, TEXT);
    assert.match(text, /Version: 3/);
    assert.match(text, /Issuer: CN ?= ?CipherMQ-CA\n/);
    assert.match(text, /Subject: CN ?= ?CipherMQ-CA\n/);
    assert.match(text, /NIST CURVE: P-384/);
    assert.match(text, /Signature Algorithm: ecdsa-with-SHA384/);
    assert.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    assert.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    assert.match(text, /Subject Key Identifier/);
    assert.match(await openssl(authority, verify("any")), /one.crt: OK/);
  },
});

Deno.test({
  name: "OpenSSL verifies a server's certificate, its names and its use",
  ignore: !hasOpenssl,
  async fn() {
    const server = await issueServerCertificate(authority, {
      hosts: ["MQ.example.org", "10.0.0.7", "fe80::1", "localhost", "*.example.net"],
    });
    assert.match(await openssl(server, verify("sslserver")), /one.crt: OK/);
    const text = await openssl(server, TEXT);
    assert.match(text, /Subject: CN ?= ?CipherMQ-Server\n/);
    assert.match(
      text,
      /DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:mq.example.org, IP Address:10.0.0.7, IP Address:FE80:0:0:0:0:0:0:1, DNS:\*.example.net\n/,
    );
    assert.match(text, /Basic Constraints: critical\s+CA:FALSE\n/);
    assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
    assert.match(text, /Extended Key Usage: \s+TLS Web Server Authentication\n/);
    assert.match(text, /Authority Key Identifier/);
    assert.match(await openssl(server, ["pkey", "-in", "one.key", "-noout", "-text"]), /P-384/);
    assert.match(server.privateKeyPem, /^-----BEGIN PRIVATE KEY-----\n/);
  },
});

Deno.test({
  name: "OpenSSL verifies a client's certificate and its use",
  ignore: !hasOpenssl,
  async fn() {
    const client = await issueClientCertificate(authority, "sender_1");
    assert.match(await openssl(client, verify("sslclient")), /one.crt: OK/);
    await assert.rejects(openssl(client, verify("sslserver")));
    const text = await openssl(client, TEXT);
    assert.match(text, /Subject: CN ?= ?sender_1\n/);
    assert.match(text, /Basic Constraints: critical\s+CA:FALSE\n/);
    assert.match(text, /Extended Key Usage: \s+TLS Web Client Authentication\n/);
  },
});

Deno.test("the platform agrees that keys belong to their certificates", async () => {
  const { createPrivateKey } = await import("node:crypto");
  for (
    const one of [
      authority,
      await issueServerCertificate(authority),
      await issueClientCertificate(authority, "a"),
    ]
  ) {
    const certificate = new X509Certificate(one.certificatePem);
    assert.ok(certificate.checkPrivateKey(createPrivateKey(one.privateKeyPem)));
    assert.ok(certificate.verify(new X509Certificate(authority.certificatePem).publicKey));
  }
});

Deno.test("serial numbers are positive, 128 bits long and never the same", async () => {
  const serials = new Set<string>();
  for (let i = 0; i < 8; i++) {
    const { certificatePem } = await issueClientCertificate(authority, "a");
    const { serialNumber } = new X509Certificate(certificatePem);
    assert.match(serialNumber, /^[4-7][0-9A-F]{31}$/);
    serials.add(serialNumber);
  }
  assert.equal(serials.size, 8);
});

Deno.test("a certificate is valid from a few minutes ago for a year, or the days asked for", async () => {
  const now = new Date("2026-03-01T12:00:00Z");
  const recent = await createAuthority(new Date("2026-02-28T12:00:00Z"));
  for (const days of [undefined, 1, 30]) {
    const validity = days === undefined ? { now } : { now, days };
    const { certificatePem, notAfter } = await issueClientCertificate(recent, "a", validity);
    const facts = readCertificate(certificatePem);
    assert.equal(facts.notBefore.getTime(), now.getTime() - 5 * MINUTE_MS);
    assert.equal(facts.notAfter.getTime(), now.getTime() + (days ?? 365) * DAY_MS);
    assert.deepEqual(facts.notAfter, notAfter);
  }
});

Deno.test("an authority is valid for ten years", async () => {
  const made = await createAuthority(new Date("2026-03-01T12:00:00Z"));
  assert.equal(made.notAfter.toISOString().slice(0, 7), "2036-02");
});

Deno.test("no certificate outlives its authority or begins before it", async () => {
  const now = new Date();
  const old = await createAuthority(new Date(now.getTime() - 3650 * DAY_MS));
  const late = readCertificate((await issueServerCertificate(old, { days: 365 })).certificatePem);
  assert.deepEqual(late.notAfter, readCertificate(old.certificatePem).notAfter);
  const fresh = await createAuthority(now);
  const early = await issueClientCertificate(fresh, "a", { now: new Date(now.getTime() - DAY_MS) });
  assert.deepEqual(
    readCertificate(early.certificatePem).notBefore,
    readCertificate(fresh.certificatePem).notBefore,
  );
});

Deno.test("an expired authority signs nothing", async () => {
  const expired = await createAuthority(new Date(Date.now() - 4000 * DAY_MS));
  await assert.rejects(
    issueClientCertificate(expired, "a"),
    throwsCode("usage", /^the certificate authority expired on /),
  );
});

Deno.test("a name that cannot be an identity gets no certificate", async () => {
  for (const name of ["", "../a", "a b", "a\n", "__proto__", "ä"]) {
    await assert.rejects(
      issueClientCertificate(authority, name),
      throwsCode("invalid_name", /^cannot issue a client certificate for "/),
    );
  }
});

Deno.test("a host that is neither a name nor an address gets no certificate", async () => {
  const hosts = [
    "",
    "a b",
    "a:1",
    "[::1]",
    "999.1.1.1",
    "1.2.3",
    "-a",
    "a..b",
    "a/b",
    "a_b",
    "ä.de",
  ];
  for (const host of [...hosts, "a".repeat(64), "a.".repeat(127) + "a", "a\n", "a.*"]) {
    await assert.rejects(
      issueServerCertificate(authority, { hosts: [host] }),
      throwsCode("usage", /neither a DNS name nor an IP address/),
      host,
    );
  }
});

Deno.test("days are a whole number above zero", async () => {
  for (const days of [0, -1, 1.5, NaN]) {
    await assert.rejects(
      issueClientCertificate(authority, "a", { days }),
      throwsCode("usage", /days/),
    );
  }
});

Deno.test("an authority taken from its PEM texts signs as before", async () => {
  const loaded = await loadAuthority(authority.certificatePem, authority.privateKeyPem);
  const { certificatePem } = await issueClientCertificate(loaded, "a");
  const { publicKey } = new X509Certificate(authority.certificatePem);
  assert.ok(new X509Certificate(certificatePem).verify(publicKey));
});

Deno.test("what is no authority is not taken for one", async () => {
  const other = await makeTestAuthority("other");
  const client = await makeCertificate(authority);
  const cases: [string, string, RegExp][] = [
    [authority.certificatePem, other.privateKeyPem, /the private key is not the certificate's/],
    [client.cert, client.key, /not one of an authority/],
    ["nonsense", authority.privateKeyPem, /not an X.509 certificate in PEM form/],
    [authority.certificatePem, "nonsense", /not a P-384 key in PKCS#8 PEM form/],
    [authority.certificatePem, authority.certificatePem, /not a P-384 key in PKCS#8 PEM form/],
  ];
  for (const [certificate, key, pattern] of cases) {
    await assert.rejects(loadAuthority(certificate, key), throwsCode("configuration", pattern));
  }
});
