/**
 * What the listener relies on, and what it works around, in the platform's TLS. When an upgrade of
 * Deno changes one of these, the listener's code is to be looked at again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import {
  connect as connectTls,
  type ConnectionOptions,
  createServer as createTlsServer,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import {
  authorityAsClient,
  makeCertificate,
  makeServerCertificate,
  makeTestAuthority,
  type TestCertificate,
  type TestCertificateOptions,
} from "../support/certificates.ts";
import { startReading, stopReading } from "../support/door.ts";
import { hasStrace } from "../support/fault_tools.ts";
import { hasOpenssl, OpensslFolder } from "../support/openssl_client.ts";

const authority = await makeTestAuthority();
const server = await makeServerCertificate(authority);
const alice = await makeCertificate(authority);

/** A plain TLS server that asks for client certificates, behind a TCP server as in the listener. */
class Platform implements AsyncDisposable {
  readonly secured: TLSSocket[] = [];
  readonly raws: Socket[] = [];
  readonly tls: Server;
  readonly #tcp = createTcpServer((raw) => {
    raw.on("error", () => {});
    this.raws.push(raw);
    this.tls.emit("connection", raw);
  });

  private constructor(options: TlsOptions) {
    this.tls = createTlsServer({
      cert: server.cert,
      key: server.key,
      ca: authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
      ...options,
    });
    this.tls.on("secureConnection", (socket: TLSSocket) => {
      socket.on("error", () => {});
      this.secured.push(socket);
    });
  }

  static async start(options: TlsOptions = {}): Promise<Platform> {
    const platform = new Platform(options);
    platform.#tcp.listen(0, "127.0.0.1");
    await once(platform.#tcp, "listening");
    return platform;
  }

  get port(): number {
    return (this.#tcp.address() as { port: number }).port;
  }

  connect(certificate: Partial<TestCertificate> & ConnectionOptions = alice): TLSSocket {
    const socket = connectTls({
      host: "127.0.0.1",
      port: this.port,
      ca: authority.certificatePem,
      servername: "localhost",
      ...certificate,
    });
    socket.on("error", () => {});
    socket.resume();
    return socket;
  }

  /** Both ends of a new connection. */
  async meet(certificate?: TestCertificate): Promise<[TLSSocket, TLSSocket]> {
    const client = this.connect(certificate);
    const [socket] = await once(this.tls, "secureConnection");
    return [socket, client];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#tcp.close(resolve));
    for (const raw of this.raws) raw.destroy();
    await closed;
  }
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.closed ? resolve(undefined) : socket.on("close", resolve));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const REFUSED: readonly [string, () => Promise<Partial<TestCertificate>>][] = [
  ["no certificate", () => Promise.resolve({})],
  ["another authority", async () => makeCertificate(await makeTestAuthority("other"))],
  ["a self-signed certificate", () => makeCertificate(authority, { selfSigned: true })],
  [
    "an expired certificate",
    () => makeCertificate(authority, { notAfter: new Date(Date.now() - 60_000) }),
  ],
  ["a server's certificate", () => makeCertificate(authority, { eku: ["serverAuth"] })],
];
for (const [what, make] of REFUSED) {
  Deno.test(`the platform refuses ${what}`, async () => {
    await using platform = await Platform.start();
    await closed(platform.connect(await make()));
    assert.equal(platform.secured.length, 0);
  });
}

Deno.test("the platform lets pass what lib/guard must refuse", async () => {
  await using platform = await Platform.start();
  const passing = [
    await makeCertificate(authority, { eku: [] }),
    authorityAsClient(authority),
  ];
  for (const certificate of passing) {
    const [socket, client] = await platform.meet(certificate);
    assert.equal(socket.authorized, true);
    client.destroy();
    await closed(client);
  }
});

Deno.test("the peer's certificate is there as its bytes, and Common Names as they come", async () => {
  await using platform = await Platform.start();
  const cases: [TestCertificateOptions["subject"], unknown][] = [
    ["alice", "alice"],
    [[{ CN: ["alice"] }, { CN: ["bob"] }], ["alice", "bob"]],
    [[{ O: ["x"] }], undefined],
    ["al\nice", "al\nice"],
  ];
  for (const [subject, commonName] of cases) {
    const certificate = await makeCertificate(authority, { subject: subject! });
    const [socket, client] = await platform.meet(certificate);
    const { subject: seen, raw } = socket.getPeerCertificate();
    assert.deepEqual(seen.CN, commonName);
    assert.ok(raw instanceof Uint8Array);
    assert.equal(raw.toBase64(), certificate.cert.replaceAll(/-----[A-Z ]+-----|\s/g, ""));
    client.destroy();
    await closed(client);
  }
});

Deno.test("the platform tells no extended key usages, so they are read from the bytes", async () => {
  await using platform = await Platform.start();
  const [socket, client] = await platform.meet();
  const seen = socket.getPeerCertificate() as unknown as Record<string, unknown>;
  assert.equal(seen.ext_key_usage, undefined);
  client.destroy();
  await closed(client);
});

Deno.test({
  name:
    "a resumed session passes for authorized and says that it is one: the listener must refuse it",
  ignore: !hasOpenssl,
  fn: async () => {
    await using platform = await Platform.start({ minVersion: "TLSv1.3" });
    await using folder = await OpensslFolder.make();
    await folder.write({
      "a.crt": alice.cert,
      "a.key": alice.key,
      "ca.crt": authority.certificatePem,
    });
    // A connection that has ended says nothing of its session any more.
    const facts: [authorized: boolean, reused: boolean][] = [];
    platform.tls.on("secureConnection", (socket: TLSSocket) => {
      facts.push([socket.authorized, socket.isSessionReused()]);
      socket.end("welcome\n");
    });
    await folder.openssl(platform.port, ["-sess_out", "session"]);
    assert.deepEqual(facts, [[true, false]]);
    assert.match(await folder.openssl(platform.port, ["-sess_in", "session"]), /Reused, TLSv1.3/);
    assert.deepEqual(facts, [[true, false], [true, true]]);
  },
});

Deno.test("the oldest version that is asked for is the oldest that the platform speaks", async () => {
  await using platform = await Platform.start({ minVersion: "TLSv1.3" });
  const failed = once(platform.tls, "tlsClientError");
  const old = platform.connect({ ...alice, maxVersion: "TLSv1.2" });
  await failed;
  await closed(old);
  assert.equal(platform.secured.length, 0);
  const [socket, client] = await platform.meet();
  assert.equal(socket.getProtocol(), "TLSv1.3");
  client.destroy();
  await closed(client);
});

Deno.test({
  name: "noDelay of a TCP server reaches the kernel's socket, and without it nothing does",
  ignore: !hasStrace(),
  fn: async () => {
    assert.deepEqual([await noDelaysSet(true), await noDelaysSet(false)], [1, 0]);
  },
});

Deno.test("a TLS socket knows the TCP socket that it was made from, also when it fails", async () => {
  await using platform = await Platform.start();
  const [socket, client] = await platform.meet();
  assert.equal((socket as unknown as { _parent: unknown })._parent, platform.raws[0]);
  client.destroy();
  await closed(client);
  const failed = once(platform.tls, "tlsClientError");
  const refused = platform.connect({});
  const [error, failure] = await failed;
  assert.equal(error.code, "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
  assert.equal(failure._parent, platform.raws[1]);
  assert.equal(failure.remoteAddress, undefined);
  await closed(refused);
});

/** How often a server that accepts one connection sets TCP_NODELAY, as strace sees it. */
async function noDelaysSet(noDelay: boolean): Promise<number> {
  const code = `import { createServer } from "node:net";
    const server = createServer({ noDelay: ${noDelay} }, (raw) => { raw.destroy(); server.close(); });
    server.listen(0, "127.0.0.1", async () => {
      const { port } = server.address();
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    });`;
  const args = ["-f", "-qq", "-e", "trace=setsockopt", "-e", "signal=none"];
  args.push(Deno.execPath(), "eval", code);
  const { stderr } = await new Deno.Command("strace", { args }).output();
  return new TextDecoder().decode(stderr).match(/TCP_NODELAY, \[1\]/g)?.length ?? 0;
}

interface Handle {
  readStop(): void;
  readStart(): void;
}
const handleOf = (raw: Socket) => (raw as unknown as { _handle: Handle })._handle;

/** Counts bytes that come while the reader is stopped by `stop`, and after it went on by `start`. */
async function flood(
  stop: (raw: Socket, tls: TLSSocket) => void,
  start: (raw: Socket, tls: TLSSocket) => void,
): Promise<{ whileStopped: number; afterwards: number }> {
  await using platform = await Platform.start();
  const [socket, client] = await platform.meet();
  const raw = platform.raws[0]!;
  let emitted = 0;
  socket.on("data", (chunk: Uint8Array) => emitted += chunk.length);
  const block = new Uint8Array(64 * 1024);
  const pour = () => {
    while (!client.destroyed && client.write(block));
  };
  client.on("drain", pour);
  pour();
  await once(socket, "data");
  stop(raw, socket);
  const atStop = socket.bytesRead;
  await pause(300);
  const atStart = socket.bytesRead;
  start(raw, socket);
  await pause(300);
  const atEnd = socket.bytesRead;
  client.destroy();
  await closed(client);
  assert.ok(emitted > 0);
  return { whileStopped: atStart - atStop, afterwards: atEnd - atStart };
}

const MIB = 1024 * 1024;

Deno.test("readStop and readStart of the TCP socket's handle stop and start reading", async () => {
  const { whileStopped, afterwards } = await flood(
    (raw) => handleOf(raw).readStop(),
    (raw) => handleOf(raw).readStart(),
  );
  assert.ok(whileStopped < MIB, `${whileStopped} bytes while stopped`);
  assert.ok(afterwards > MIB, `${afterwards} bytes afterwards`);
});

Deno.test("pause of a TLS socket does not stop reading, so the handle is used", async () => {
  const { whileStopped } = await flood((_, tls) => tls.pause(), (_, tls) => tls.resume());
  assert.ok(whileStopped > MIB, `${whileStopped} bytes while paused`);
});

Deno.test("resume of a TCP socket under TLS does not start reading, so the handle is used", async () => {
  const { whileStopped, afterwards } = await flood((raw) => raw.pause(), (raw) => raw.resume());
  assert.ok(whileStopped < MIB, `${whileStopped} bytes while paused`);
  assert.equal(afterwards, 0);
});

Deno.test("what the peer does not read counts as writable length until the kernel takes it", async () => {
  await using platform = await Platform.start();
  const [socket, client] = await platform.meet();
  stopReading(client);
  for (let i = 0; i < 32; i++) socket.write(new Uint8Array(MIB));
  await pause(200);
  assert.ok(socket.writableLength > 16 * MIB);
  startReading(client);
  await once(socket, "drain");
  assert.equal(socket.writableLength, 0);
  client.destroy();
  await closed(client);
});

Deno.test("a handshake that times out is told, not ended: the listener must do it", async () => {
  await using platform = await Platform.start({ handshakeTimeout: 100 });
  const failed = once(platform.tls, "tlsClientError");
  const client = connectTcp(platform.port, "127.0.0.1");
  client.resume();
  const [error] = await failed;
  assert.match(error.message, /handshake timeout/);
  await pause(100);
  assert.equal(platform.raws[0]!.destroyed, false);
  client.destroy();
  await closed(client);
});

Deno.test("a connection outlives its certificate: the listener must end it", async () => {
  await using platform = await Platform.start();
  const notAfter = new Date(Math.ceil(Date.now() / 1000 + 1) * 1000);
  const [socket, client] = await platform.meet(await makeCertificate(authority, { notAfter }));
  await pause(notAfter.getTime() - Date.now() + 100);
  socket.write("still here");
  assert.equal(String((await once(client, "data"))[0]), "still here");
  client.destroy();
  await closed(client);
});
