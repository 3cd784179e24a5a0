/**
 * The broker's own certificate and key, checked before it starts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { checkCredentials, type Credentials } from "../../lib/server/credentials.ts";
import {
  makeCertificate,
  makeServerCertificate,
  makeTestAuthority,
} from "../support/certificates.ts";

const authority = await makeTestAuthority();
const server = await makeServerCertificate(authority);
const old = await makeCertificate(authority, {
  eku: ["serverAuth"],
  notBefore: new Date("2020-01-01T00:00:00Z"),
  notAfter: new Date("2021-01-01T00:00:00Z"),
});
const client = await makeCertificate(authority);
const good: Credentials = {
  certificate: server.cert,
  privateKey: server.key,
  authorities: authority.certificatePem,
};

Deno.test("a certificate with its key and an authority are good", async () => {
  checkCredentials(good, new Date());
  checkCredentials({ ...good, certificate: server.cert + authority.certificatePem }, new Date());
  const other = await makeTestAuthority("other");
  const both = authority.certificatePem + "\n" + other.certificatePem;
  checkCredentials({ ...good, authorities: both }, new Date());
});

const BAD: readonly [string, Partial<Credentials>, RegExp][] = [
  ["no certificate", { certificate: "" }, /the server's certificate is not in PEM form/],
  ["a broken certificate", { certificate: server.cert.replace(/MII./, "MAAA") }, /cannot be read/],
  ["no key", { privateKey: "" }, /the server's private key is not an unencrypted key/],
  ["another's key", { privateKey: client.key }, /is not the key of its certificate/],
  [
    "an expired certificate",
    { certificate: old.cert, privateKey: old.key },
    /the server's certificate expired on 2021-01-01T00:00:00/,
  ],
  ["no authority", { authorities: "" }, /the authority's certificate is not in PEM form/],
  ["a client as the authority", { authorities: client.cert }, /is not one of an authority/],
];
for (const [what, change, pattern] of BAD) {
  Deno.test(`${what} keeps the broker from starting, with a sentence why`, () => {
    assert.throws(() => checkCredentials({ ...good, ...change }, new Date()), (error) => {
      assert.ok(error instanceof CipherMqError);
      assert.equal(error.code, "configuration");
      assert.match(error.message, /^cannot start the TLS listener: /);
      assert.match(error.message, pattern);
      assert.ok(!error.message.includes("BEGIN") && error.hint !== undefined);
      return true;
    });
  });
}
