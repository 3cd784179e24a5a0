/**
 * From certificate facts to an identity, or a refusal.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { isIdentity } from "../../lib/base/identity_name.ts";
import { identityOf, type PeerCertificate } from "../../lib/guard/identity.ts";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const ANY_USAGE = "2.5.29.37.0";

const good: PeerCertificate = { commonNames: ["alice"], authority: false, usages: [CLIENT_AUTH] };

Deno.test("a client certificate gives its one Common Name", () => {
  assert.deepEqual(identityOf(good), { identity: "alice" });
  const both = { ...good, usages: [SERVER_AUTH, CLIENT_AUTH] };
  assert.deepEqual(identityOf(both), { identity: "alice" });
});

const REFUSED: readonly [string, Partial<PeerCertificate>, string][] = [
  ["an authority's certificate", { authority: true }, "authority_certificate"],
  ["no key usage", { usages: [] }, "no_client_usage"],
  ["a server's usage", { usages: [SERVER_AUTH] }, "no_client_usage"],
  ["any usage, which is not the one asked for", { usages: [ANY_USAGE] }, "no_client_usage"],
  ["no Common Name", { commonNames: [] }, "no_common_name"],
  ["two Common Names", { commonNames: ["alice", "bob"] }, "several_common_names"],
  ["the same Common Name twice", { commonNames: ["alice", "alice"] }, "several_common_names"],
  ["an empty Common Name", { commonNames: [""] }, "bad_common_name"],
  ["a Common Name with a line break", { commonNames: ["alice\n"] }, "bad_common_name"],
];
for (const [what, facts, refusal] of REFUSED) {
  Deno.test(`${what} is refused`, () => {
    assert.deepEqual(identityOf({ ...good, ...facts }), { refusal });
  });
}

Deno.test("names of letters, digits, '.', '_' and '-' of up to 64 characters are identities", () => {
  for (const name of ["a", "0", "sender_1", "CipherMQ-Receiver", "a.b-c_d", "a".repeat(64)]) {
    assert.ok(isIdentity(name), name);
  }
});

Deno.test("no other text is an identity", () => {
  const others = [
    "",
    ".",
    "..",
    ".a",
    "-a",
    "_a",
    "__proto__",
    "../a",
    "a/b",
    "a\\b",
    "a b",
    "a\0",
  ];
  for (const text of [...others, "a\n", "\na", "a\r", "ä", "а", "a\u202e", "a".repeat(65)]) {
    assert.ok(!isIdentity(text), JSON.stringify(text));
  }
});

const nearlyAllowed = fc.constantFrom(..."aZ09._-", "/", "\\", ":", " ", "\n", "\0", "\u202e", "ä");

Deno.test("an identity is safe as a path segment, a log word and a command argument", () => {
  fc.assert(fc.property(fc.string({ unit: nearlyAllowed, maxLength: 4 }), (text) => {
    if (!isIdentity(text)) return;
    assert.match(text, /^[!-~]+$/);
    assert.doesNotMatch(text, /[/\\:\s]|^\./);
  }));
});
