/**
 * What is said when no connection comes about.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { CipherMqError } from "../../lib/base/errors.ts";
import { connectError, dial } from "../../lib/client/dial.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

/** A TCP server that is no broker, while `test` runs. */
async function withServer(
  accept: (socket: net.Socket) => void,
  test: (port: number) => Promise<void>,
): Promise<void> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    accept(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await test((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

Deno.test("a server that never shakes hands, hangs up, or is no TLS server is told apart", async () => {
  const broker = await ScriptedBroker.start();
  const { credentials } = await broker.clientOptions("a");
  await broker.stop();
  const cases = [
    [() => {}, "timeout", /did not answer within 0\.1 s/],
    [(socket: net.Socket) => socket.end(), "connection", /./],
    [(socket: net.Socket) => socket.end("220 mail.example ready\r\n"), "tls", /handshake failed/],
  ] as const;
  for (const [accept, code, why] of cases) {
    await withServer(accept, async (port) => {
      const options = { host: "127.0.0.1", port, credentials, connectTimeoutMs: 100 };
      await assert.rejects(dial(options), (error) => {
        return error instanceof CipherMqError && error.code === code && why.test(error.message);
      });
    });
  }
});

Deno.test("a broker is connected to by the name in its certificate, unless names do not matter", async () => {
  const broker = await ScriptedBroker.start({ elsewhere: true });
  const options = await broker.clientOptions("a");
  await assert.rejects(dial(options), (error) => {
    return error instanceof CipherMqError && error.code === "tls" &&
      /not for the host '127\.0\.0\.1'/.test(error.message) &&
      /gen-certs --force --host/.test(error.hint!);
  });
  const wire = await dial({ ...options, checkHostname: false });
  wire.destroy();
  await broker.stop();
});

Deno.test("known failures have words of their own, and others keep theirs", () => {
  const options = { host: "h", port: 1, credentials: {} as never };
  const words = (code: string) =>
    connectError(options, Object.assign(new Error("other"), { code }));
  assert.match(words("ECONNREFUSED").message, /at h:1: nothing listens there/);
  assert.match(words("ENOTFOUND").message, /the host name is not known/);
  assert.match(words("CERT_HAS_EXPIRED").message, /its certificate has expired/);
  assert.equal(words("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED").code, "tls");
  assert.match(words("EWHATEVER").message, /other/);
});
