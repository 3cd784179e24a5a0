/**
 * The listener over real TLS: who gets in, who gets nowhere, and what nobody can do to it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import type { JsonName } from "@peculiar/x509";
import type { CipherMqError } from "../../lib/base/errors.ts";
import {
  asAuthority,
  authorityAsClient,
  makeCertificate,
  makeTestAuthority,
  type TestCertificateOptions,
} from "../support/certificates.ts";
import { alice, authority, closed, Door, meet, tcpTo, tlsTo, within } from "../support/door.ts";
import { hasOpenssl, OpensslFolder } from "../support/openssl_client.ts";

async function assertGetsNowhere(door: Door, socket: Socket): Promise<void> {
  await closed(socket);
  assert.equal(door.clients.length, 0);
}

/** Nobody more gets in. */
async function assertRefused(door: Door, socket: Socket): Promise<void> {
  const before = door.clients.length;
  await closed(socket);
  assert.equal(door.clients.length, before);
}

Deno.test("a good certificate gets in under its Common Name", async () => {
  await using door = await Door.open();
  const [client, socket] = await meet(door);
  assert.equal(client.identity, "alice");
  assert.equal(client.remoteAddress, "127.0.0.1");
  socket.destroy();
  await closed(socket);
});

Deno.test("bytes go both ways and both ends see the close", async () => {
  const gone = Promise.withResolvers<void>();
  await using door = await Door.open({}, {}, (client) => {
    client.onData = (chunk) => client.write(new Uint8Array(chunk));
    client.onClose = () => gone.resolve();
  });
  const [, socket] = await meet(door);
  socket.write("hello");
  const [echo] = await once(socket, "data");
  assert.equal(String(echo), "hello");
  socket.end();
  await Promise.all([closed(socket), gone.promise]);
});

Deno.test("a client over IPv6 is known by its plain address", async () => {
  await using door = await Door.open({}, { host: "::1" });
  const came = door.nextClient();
  const socket = tlsTo(door, alice, { host: "::1" });
  assert.equal((await within(came)).remoteAddress, "::1");
  socket.destroy();
  await closed(socket);
});

const cn = (...names: string[]): JsonName => names.map((name) => ({ CN: [name] }));
const past = new Date(Date.now() - 60_000);
const future = new Date(Date.now() + 60 * 60_000);
const ODD: readonly [string, TestCertificateOptions][] = [
  ["a self-signed certificate", { selfSigned: true }],
  ["an expired certificate", { notAfter: past }],
  ["a certificate that is not valid yet", { notBefore: future }],
  ["a server certificate", { eku: ["serverAuth"] }],
  ["a certificate without a key usage", { eku: [] }],
  ["a client certificate that may sign others", { ca: true }],
  ["two Common Names", { subject: cn("alice", "bob") }],
  ["two Common Names in one part", { subject: [{ CN: ["alice", "bob"] }] }],
  ["the same Common Name twice", { subject: cn("alice", "alice") }],
  ["no Common Name", { subject: [{ O: ["alice"] }] }],
  ["an empty Common Name", { subject: "" }],
  ["a Common Name with a line break", { subject: "al\nice" }],
  ["a Common Name that ends in a line break", { subject: "alice\n" }],
  ["a Common Name with a NUL", { subject: "alice\0" }],
  ["a Common Name with an escape character", { subject: "\x1b[2Jalice" }],
  ["a Common Name with a space", { subject: "alice ACK" }],
  ["a Common Name that climbs folders", { subject: "../alice" }],
  ["a Common Name that is a property of all objects", { subject: "__proto__" }],
  ["a Common Name in other letters", { subject: "аlice" }],
  ["a Common Name of 65 letters", { subject: "a".repeat(65) }],
];

for (const [what, options] of ODD) {
  Deno.test(`${what} gets nowhere`, async () => {
    await using door = await Door.open();
    const socket = tlsTo(door, await makeCertificate(authority, options));
    await assertGetsNowhere(door, socket);
  });
}

Deno.test("no certificate gets nowhere", async () => {
  await using door = await Door.open();
  await assertGetsNowhere(door, tlsTo(door, {}));
});

Deno.test("a certificate of another authority of the same name gets nowhere", async () => {
  await using door = await Door.open();
  const other = await makeCertificate(await makeTestAuthority("other"), { subject: "alice" });
  await assertGetsNowhere(door, tlsTo(door, other));
});

Deno.test("the authority's own certificate gets nowhere", async () => {
  await using door = await Door.open();
  await assertGetsNowhere(door, tlsTo(door, authorityAsClient(authority)));
});

Deno.test("a certificate signed with a client's certificate gets nowhere", async () => {
  await using door = await Door.open();
  const mallory = await makeCertificate(authority, { subject: "mallory" });
  const forged = await makeCertificate(await asAuthority(mallory), { subject: "alice" });
  const chain = { cert: forged.cert + mallory.cert, key: forged.key };
  await assertGetsNowhere(door, tlsTo(door, chain));
});

Deno.test("another's certificate without its key gets nowhere", async () => {
  await using door = await Door.open();
  const mallory = await makeCertificate(authority, { subject: "mallory" });
  await assertGetsNowhere(door, tlsTo(door, { cert: alice.cert, key: mallory.key }));
});

Deno.test("TLS 1.2 gets nowhere unless it is asked for", async () => {
  {
    await using door = await Door.open();
    await assertGetsNowhere(door, tlsTo(door, alice, { maxVersion: "TLSv1.2" }));
  }
  await using door = await Door.open({}, { minTlsVersion: "TLSv1.2" });
  const came = door.nextClient();
  const socket = tlsTo(door, alice, { maxVersion: "TLSv1.2" });
  assert.equal((await within(came)).identity, "alice");
  assert.equal(socket.getProtocol(), "TLSv1.2");
  socket.destroy();
  await closed(socket);
});

Deno.test("a resumed session gets nowhere", async (test) => {
  await test.step({
    name: "with the tickets of OpenSSL's client",
    ignore: !hasOpenssl,
    async fn() {
      await using door = await Door.open({}, {}, (client) => {
        client.onData = () => client.end(new TextEncoder().encode("welcome\n"));
      });
      await using folder = await OpensslFolder.make();
      await folder.write({
        "a.crt": alice.cert,
        "a.key": alice.key,
        "ca.crt": authority.certificatePem,
      });
      const first = await folder.openssl(door.port, ["-sess_out", "session"]);
      assert.match(first, /welcome/);
      assert.equal(door.clients.length, 1);
      assert.ok((await Deno.stat(`${folder.path}/session`)).size > 0);
      const second = await folder.openssl(door.port, ["-sess_in", "session"]);
      assert.match(second, /Reused, TLSv1.3/);
      assert.doesNotMatch(second, /welcome/);
      assert.equal(door.clients.length, 1);
    },
  });
});

Deno.test("a handshake that stalls is cut off in time, and its place is free again", async (test) => {
  const starts: Record<string, Uint8Array> = {
    "with nothing": new Uint8Array(),
    "with half a record": new Uint8Array([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
  };
  for (const [how, bytes] of Object.entries(starts)) {
    await test.step(how, async () => {
      await using door = await Door.open({ handshakeTimeoutMs: 150, maxConnections: 1 });
      const since = performance.now();
      const socket = tcpTo(door);
      socket.write(bytes);
      await assertGetsNowhere(door, socket);
      const tookMs = performance.now() - since;
      assert.ok(tookMs >= 140 && tookMs < 2_000, `took ${tookMs} ms`);
      const [, next] = await meet(door);
      next.destroy();
      await closed(next);
    });
  }
});

Deno.test("a handshake that trickles in is cut off in time", async () => {
  await using door = await Door.open({ handshakeTimeoutMs: 200 });
  const since = performance.now();
  const socket = tcpTo(door);
  socket.write(new Uint8Array([0x16, 0x03, 0x01, 0x02, 0x00]));
  const trickle = setInterval(() => socket.write(new Uint8Array(1)), 20);
  await assertGetsNowhere(door, socket);
  clearInterval(trickle);
  assert.ok(performance.now() - since < 2_000);
});

Deno.test("an accepted client is not cut off by the handshake's timer", async () => {
  await using door = await Door.open({ handshakeTimeoutMs: 150 }, {}, (client) => {
    client.onData = (chunk) => client.write(new Uint8Array(chunk));
  });
  const [, socket] = await meet(door);
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.write("still here");
  assert.equal(String((await once(socket, "data"))[0]), "still here");
  socket.destroy();
  await closed(socket);
});

const GARBAGE: Record<string, Uint8Array> = {
  "an HTTP request": new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "a command without TLS": new TextEncoder().encode("declare_queue q\n"),
  "random bytes": crypto.getRandomValues(new Uint8Array(60_000)),
  "zeros": new Uint8Array(60_000),
  "a record that is too long": new Uint8Array([
    0x16,
    0x03,
    0x03,
    0xff,
    0xff,
    ...new Uint8Array(70_000),
  ]),
};
for (const [what, bytes] of Object.entries(GARBAGE)) {
  Deno.test(`${what} on the port gets nowhere and harms nobody`, async () => {
    await using door = await Door.open({ handshakeTimeoutMs: 500 });
    const socket = tcpTo(door);
    socket.write(bytes);
    await assertGetsNowhere(door, socket);
    const [client, good] = await meet(door);
    assert.equal(client.identity, "alice");
    good.destroy();
    await closed(good);
  });
}

Deno.test("connections that are reset at any moment harm nobody", async () => {
  await using door = await Door.open();
  for (let round = 0; round < 20; round++) {
    const socket = tlsTo(door, alice);
    if (round % 2 === 0) await once(socket, "connect");
    else await once(socket, "secureConnect");
    socket.resetAndDestroy();
    await closed(socket);
  }
  const [, good] = await meet(door);
  good.destroy();
  await closed(good);
});

Deno.test("as many connections as allowed get in, one more does not, until one is gone", async () => {
  await using door = await Door.open({ maxConnections: 2 });
  const gone = Promise.withResolvers<void>();
  const [first, one] = await meet(door);
  first.onClose = () => gone.resolve();
  const [, two] = await meet(door);
  await closed(tlsTo(door, alice));
  assert.equal(door.clients.length, 2);
  one.destroy();
  await within(gone.promise);
  const [, three] = await meet(door);
  for (const socket of [two, three]) {
    socket.destroy();
    await closed(socket);
  }
});

Deno.test("the cap per address holds for one address and leaves room for another", async () => {
  await using door = await Door.open({ maxConnectionsPerAddress: 1 }, { host: "127.0.0.1" });
  const [, one] = await meet(door);
  await closed(tlsTo(door, alice));
  assert.equal(door.clients.length, 1);
  const came = door.nextClient();
  const other = tlsTo(door, alice, { localAddress: "127.0.0.2" });
  assert.equal((await within(came)).remoteAddress, "127.0.0.2");
  const gone = Promise.withResolvers<void>();
  door.clients[0]!.onClose = () => gone.resolve();
  one.destroy();
  await within(gone.promise);
  const [, again] = await meet(door);
  for (const socket of [again, other]) {
    socket.destroy();
    await closed(socket);
  }
});

Deno.test("the cap per identity holds for one identity and leaves room for another", async () => {
  await using door = await Door.open({ maxConnectionsPerIdentity: 1 });
  const gone = Promise.withResolvers<void>();
  const [first, one] = await meet(door);
  first.onClose = () => gone.resolve();
  await closed(tlsTo(door, alice));
  assert.equal(door.clients.length, 1);
  const [, other] = await meet(
    door,
    await makeCertificate(authority, { subject: "bob" }),
  );
  one.destroy();
  await within(gone.promise);
  const [, again] = await meet(door);
  for (const socket of [again, other]) {
    socket.destroy();
    await closed(socket);
  }
});

Deno.test("strangers of an address cannot take the places of its clients", async () => {
  let refused = Promise.withResolvers<void>();
  const onRefused = () => refused.resolve();
  await using door = await Door.open({ maxHandshakesPerAddress: 2 }, { onRefused }, (client) => {
    client.onData = (chunk) => client.write(new Uint8Array(chunk));
  });
  const [, served] = await meet(door);
  const strangers = [tcpTo(door), tcpTo(door)];
  await Promise.all(strangers.map((stranger) => once(stranger, "connect")));
  await assertRefused(door, tlsTo(door, alice));
  served.write("still here");
  assert.equal(String((await within(once(served, "data")))[0]), "still here");
  const came = door.nextClient();
  const elsewhere = tlsTo(door, alice, { localAddress: "127.0.0.2" });
  assert.equal((await within(came)).remoteAddress, "127.0.0.2");
  refused = Promise.withResolvers();
  strangers[0]!.destroy();
  await within(refused.promise);
  const [, again] = await meet(door);
  for (const socket of [served, elsewhere, again, strangers[1]!]) {
    socket.destroy();
    await closed(socket);
  }
});

Deno.test("a client's handshake frees its place when it is done", async () => {
  await using door = await Door.open({ maxHandshakesPerAddress: 1 });
  const sockets: Socket[] = [];
  for (let i = 0; i < 3; i++) sockets.push((await meet(door))[1]);
  for (const socket of sockets) {
    socket.destroy();
    await closed(socket);
  }
});

Deno.test("a handshake that is not good frees its place and is counted", async () => {
  let refused = 0;
  await using door = await Door.open({ maxHandshakesPerAddress: 1, handshakeTimeoutMs: 100 }, {
    onRefused: () => refused++,
  });
  await closed(tlsTo(door, {}));
  const stalled = tcpTo(door);
  await once(stalled, "connect");
  await closed(tlsTo(door, alice));
  assert.equal(refused, 2);
  await closed(stalled);
  assert.equal(refused, 3);
  const [, good] = await meet(door);
  good.destroy();
  await closed(good);
  assert.equal(refused, 3);
});

Deno.test("a handshake under way counts as a connection", async () => {
  await using door = await Door.open({ maxConnections: 1 });
  const stalled = tcpTo(door);
  await once(stalled, "connect");
  await assertGetsNowhere(door, tlsTo(door, alice));
  stalled.destroy();
  await closed(stalled);
});

Deno.test("a client is cut off when its certificate expires", async () => {
  await using door = await Door.open();
  // Certificates count in whole seconds.
  const notAfter = new Date(Math.ceil(Date.now() / 1000 + 1) * 1000);
  const [, socket] = await meet(door, await makeCertificate(authority, { notAfter }));
  assert.ok(Date.now() < notAfter.getTime());
  await closed(socket);
  const lateMs = Date.now() - notAfter.getTime();
  assert.ok(lateMs >= -50 && lateMs < 1_500, `${lateMs} ms late`);
});

Deno.test("a certificate valid for longer than a timer can wait does not end the connection", async () => {
  await using door = await Door.open({}, {}, (client) => {
    client.onData = (chunk) => client.write(new Uint8Array(chunk));
  });
  const notAfter = new Date(Date.now() + 40 * 24 * 60 * 60 * 1000);
  const [, socket] = await meet(door, await makeCertificate(authority, { notAfter }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.write("here");
  assert.equal(String((await once(socket, "data"))[0]), "here");
  socket.destroy();
  await closed(socket);
});

Deno.test("a certificate that the broker's clock calls expired gets nowhere", async () => {
  const nextYear = Date.now() + 366 * 24 * 60 * 60 * 1000;
  const clock = { now: () => ({ wallMs: Date.now(), monoMs: performance.now() }) };
  await using door = await Door.open({}, { clock });
  clock.now = () => ({ wallMs: nextYear, monoMs: performance.now() });
  await assertGetsNowhere(door, tlsTo(door, alice));
});

Deno.test("stopping refuses newcomers, keeps clients, and is done when they are gone", async () => {
  const door = await Door.open({}, {}, (client) => {
    client.onData = () => client.end(new TextEncoder().encode("bye"));
  });
  const [, socket] = await meet(door);
  const stalled = tcpTo(door);
  await once(stalled, "connect");
  const port = door.port;
  let stopped = false;
  const stopping = door.listener.stopAccepting().then(() => stopped = true);
  await closed(stalled);
  const refused = connectTcp(port, "127.0.0.1");
  const [error] = await once(refused, "error");
  assert.equal(error.code, "ECONNREFUSED");
  assert.equal(stopped, false);
  socket.write("x");
  assert.equal(String((await once(socket, "data"))[0]), "bye");
  await closed(socket);
  await within(stopping);
});

Deno.test("a refusal is logged with its reason and address, never with the certificate's name", async () => {
  const records: LogRecord[] = [];
  await configure({
    sinks: { memory: (record) => records.push(record) },
    loggers: [
      { category: "ciphermq", sinks: ["memory"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
  try {
    await using door = await Door.open({ handshakeTimeoutMs: 200, maxConnections: 1 });
    const stalled = tcpTo(door);
    await once(stalled, "connect");
    await closed(tlsTo(door, alice));
    await closed(stalled);
    await closed(tlsTo(door, {}));
    await closed(tlsTo(door, await makeCertificate(authority, { subject: "forged\nline" })));
    await closed(tlsTo(door, await makeCertificate(authority, { selfSigned: true })));
    assert.equal(records.at(-1)!.properties.code, "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    const reasons = records.map((record) => record.properties.reason);
    assert.deepEqual(reasons, [
      "too_many_connections",
      "handshake_timeout",
      "no_certificate",
      "bad_common_name",
      "handshake_failed",
    ]);
    assert.ok(records.every((record) => record.properties.address === "127.0.0.1"));
    assert.doesNotMatch(JSON.stringify(records), /forged/);
  } finally {
    await reset();
  }
});

Deno.test("an address that is taken is a clear error", async () => {
  await using door = await Door.open();
  await assert.rejects(Door.open({}, { port: door.port }), (error: CipherMqError) => {
    assert.equal(error.code, "configuration");
    assert.equal(
      error.message,
      `cannot listen on 127.0.0.1, port ${door.port}: another program listens there already`,
    );
    return true;
  });
});

Deno.test("an address that this machine does not have is a clear error, with what to do", async () => {
  // For documentation only (RFC 5737 and 3849), and one of a link that is not named.
  for (const host of ["192.0.2.1", "2001:db8::1", "fe80::1"]) {
    await assert.rejects(Door.open({}, { host }), (error: CipherMqError) => {
      assert.match(error.message, /, port 0: this machine does not have that address$/, host);
      assert.equal(error.hint, "set `address` in config.toml to one of this machine's own");
      return true;
    });
  }
});
