/**
 * Clients whose certificate must not let them in, against the real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  authorityAsClient,
  makeCertificate,
  makeServerCertificate,
  makeTestAuthority,
  type TestCertificate,
} from "../support/certificates.ts";
import { PATIENCE_MS } from "../support/processes.ts";
import { Workspace } from "../support/workspace.ts";

/** What the broker logs where the platform lets a certificate pass; they come first, for refusals are logged ten a second at most. */
const REASONS: Readonly<Record<string, string>> = {
  "no certificate": "no_certificate",
  "the authority's own certificate": "authority_certificate",
  "a certificate without a usage": "no_client_usage",
  "two Common Names": "several_common_names",
  "no Common Name": "no_common_name",
  "a line end in the Common Name": "bad_common_name",
  "a NUL in the Common Name": "bad_common_name",
  "a path as the Common Name": "bad_common_name",
  "another alphabet in the Common Name": "bad_common_name",
};

const DAY_MS = 24 * 60 * 60 * 1000;

async function strangers(): Promise<Map<string, TestCertificate | undefined>> {
  const authority = await makeTestAuthority();
  const other = await makeTestAuthority("other");
  const ago = (days: number) => new Date(Date.now() - days * DAY_MS);
  const named = (...names: string[]) =>
    makeCertificate(authority, { subject: names.map((name) => ({ CN: [name] })) });
  return new Map<string, TestCertificate | undefined>([
    ["no certificate", undefined],
    ["the authority's own certificate", authorityAsClient(authority)],
    ["a certificate without a usage", await makeCertificate(authority, { eku: [] })],
    ["two Common Names", await named("receiver_1", "sender_1")],
    ["no Common Name", await makeCertificate(authority, { subject: [{ O: ["receiver_1"] }] })],
    ["a line end in the Common Name", await named("receiver_1\n{}")],
    ["a NUL in the Common Name", await named("receiver_1\0")],
    ["a path as the Common Name", await named("../receiver_1")],
    ["another alphabet in the Common Name", await named("receiv\u0435r_1")],
    ["a certificate of another authority", await makeCertificate(other)],
    ["a self-signed certificate", await makeCertificate(authority, { selfSigned: true })],
    [
      "an expired certificate",
      await makeCertificate(authority, { notBefore: ago(3), notAfter: ago(1) }),
    ],
    [
      "a certificate that is not valid yet",
      await makeCertificate(authority, { notBefore: ago(-1), notAfter: ago(-3) }),
    ],
    ["a server's certificate", await makeServerCertificate(authority)],
    ["a subordinate authority", await makeCertificate(authority, { ca: true })],
  ]);
}

Deno.test("clients with a wrong certificate get nowhere, and the broker goes on serving", async (t) => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const good = await workspace.connect("receiver_1");
  assert.equal(await good.ask("declare_queue q"), "Queue declared");
  let refused = 0;
  const others = await strangers();
  for (const [what, certificate] of others) {
    await t.step(what, async () => {
      assert.equal(await heard(workspace, certificate), "");
      assert.equal(await good.ask("declare_queue q"), "Queue declared");
      const later = await workspace.connect("sender_1");
      assert.equal(await later.ask("declare_queue q"), "Queue declared");
      later.close();
      const expected = REASONS[what];
      if (expected === undefined) return;
      const { reason } = await broker.event("connection refused", refused++);
      assert.equal(reason, expected);
    });
  }
  const report = JSON.parse((await good.ask("stats"))!.slice("Stats: ".length));
  assert.deepEqual(report.queues, [["q", 0]]);
  assert.equal(report.refused_connections, others.size);
  broker.signal("SIGTERM");
  assert.equal((await broker.end()).code, 0);
  for (const line of broker.stderr.lines) JSON.parse(line);
});

/** What a stranger reads after sending commands. */
async function heard(
  workspace: Workspace,
  certificate: TestCertificate | undefined,
): Promise<string> {
  try {
    const stranger = await workspace.connect(certificate);
    await stranger.write("declare_queue stolen\nstats\n");
    return await stranger.rest();
  } catch (error) {
    // Refused so early that connecting or writing fails. Any other failure is the test's own.
    if (error instanceof Error && /nothing came/.test(error.message)) throw error;
    return "";
  }
}

Deno.test("garbage and silence on the port do not keep others from being served", async () => {
  await using workspace = await Workspace.make({
    configuration: "[limits]\nhandshake_timeout_ms = 500\n",
  });
  await workspace.serve();
  const silent = await Deno.connect({ hostname: "127.0.0.1", port: workspace.port });
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: workspace.port });
  try {
    await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\ndeclare_queue stolen\n"));
    const good = await workspace.connect("receiver_1");
    assert.equal(await good.ask("declare_queue q"), "Queue declared");
    assert.equal((await restOf(plain)).includes("Queue"), false);
    // Cut off by the handshake's time limit.
    assert.equal(await restOf(silent), "");
    const report = (await good.ask("stats"))!;
    assert.deepEqual(JSON.parse(report.slice("Stats: ".length)).queues, [["q", 0]]);
  } finally {
    silent.close();
    plain.close();
  }
});

/** All that comes on a bare TCP connection until it ends. */
async function restOf(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  const timer = setTimeout(() => connection.close(), PATIENCE_MS);
  const buffer = new Uint8Array(4096);
  try {
    for (let length; (length = await connection.read(buffer)) !== null;) {
      text += new TextDecoder().decode(buffer.subarray(0, length));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  } finally {
    clearTimeout(timer);
  }
  return text;
}
