/**
 * What keeps `serve` from starting: the exit code, and a text that names the file and the key.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { consume, declareQueues, messageId, publish } from "../support/commands.ts";
import type { ProgramOptions } from "../support/processes.ts";
import { Workspace } from "../support/workspace.ts";

/** Starts a broker that must not start. */
async function refused(
  workspace: Workspace,
  code: number,
  text: RegExp,
  options: Omit<ProgramOptions, "cwd"> = {},
): Promise<void> {
  await using broker = workspace.run(["serve"], options);
  const status = await broker.end();
  assert.match(broker.stderr.text, text);
  assert.match(broker.stderr.text, /^error: .+$/m);
  assert.equal(status.code, code, broker.stderr.text);
  assert.equal(broker.stdout.text, "");
}

/** Changes `config.toml`. */
function edit(workspace: Workspace, from: string | RegExp, to: string): void {
  const file = workspace.path("config.toml");
  const before = Deno.readTextFileSync(file);
  assert.notEqual(before.replace(from, to), before);
  Deno.writeTextFileSync(file, before.replace(from, to));
}

Deno.test("a configuration that cannot be used is refused with its file and key", async (t) => {
  const cases:
    readonly (readonly [what: string, from: string | RegExp, to: string, text: RegExp])[] = [
      ["an unknown key", "[tls]", "[tls]\ncert = 'x'", /config\.toml: unknown key "tls\.cert"/],
      ["a missing key", /cert_path = .*/, "", /config\.toml: tls\.cert_path is missing/],
      ["an address without a port", /:\d+"/, '"', /config\.toml: server\.address is wrong/],
      ["plain TCP", '"tls"', '"tcp"', /config\.toml: server\.connection_type is wrong/],
      ["no TOML", "[tls]", "[tls", /config\.toml: it is not valid TOML/],
      ["a missing certificate", "server.crt", "other.crt", /other\.crt: there is no such file/],
      ["a missing private key", "server.key", "other.key", /other\.key: there is no such file/],
      [
        "a key of another certificate",
        "server.key",
        "sender_1.key",
        /the server's private key is not the key of its certificate/,
      ],
      ["no aes_key", /aes_key = .*/, "", /config\.toml: encryption\.aes_key is missing/],
      [
        "a short aes_key",
        /aes_key = "..../,
        'aes_key = "',
        /config\.toml: encryption\.aes_key is wrong/,
      ],
      [
        "the original's placeholder",
        /aes_key = ".*"/,
        'aes_key = "YOUR_BASE64_ENCODED_32_BYTE_AES_KEY"',
        /placeholder/,
      ],
      ["no folder for the database", "broker.db", "missing/broker.db", /missing\/broker\.db/],
      [
        "a name that is no address",
        "127.0.0.1",
        "no-such-host.invalid",
        /cannot listen on no-such-host/,
      ],
    ];
  for (const [what, from, to, text] of cases) {
    await t.step(what, async () => {
      await using workspace = await Workspace.make();
      edit(workspace, from, to);
      await refused(workspace, 2, text);
    });
  }
});

Deno.test("a configuration that is not there is refused with the command that makes one", async () => {
  await using workspace = await Workspace.make();
  Deno.removeSync(workspace.path("config.toml"));
  await refused(workspace, 2, /config\.toml: there is no such file\nhint: .*init/);
});

Deno.test("a private key that others can read is refused with the command that mends it", async () => {
  await using workspace = await Workspace.make();
  Deno.chmodSync(workspace.path("certs/server.key"), 0o644);
  await refused(workspace, 2, /server\.key.*\nhint: chmod 600 .*server\.key/);
});

Deno.test("the database of another key, of another program and of another broker is left alone", async () => {
  await using workspace = await Workspace.make();
  const first = await workspace.serve();
  const receiver = await workspace.connect("receiver_1");
  await declareQueues(receiver, "receiver_1");
  const key = randomBytes(32).toString("base64");
  assert.equal(await receiver.ask(`register_key receiver_1 ${key}`), "Public key registered");

  await refused(workspace, 1, /broker\.db: database is locked\nhint: another broker/);
  edit(workspace, /:\d+"/, ':0"');
  await refused(workspace, 1, /broker\.db: database is locked\nhint: another broker/);
  assert.equal(await receiver.ask("get_key receiver_1"), `Public key: ${key}`);
  await receiver.write(publish("kept"));
  assert.equal(await receiver.line(), "ACK kept");
  first.signal("SIGTERM");
  assert.equal((await first.end()).code, 0);

  const other = randomBytes(32).toString("base64");
  workspace.secrets.push(other);
  await refused(workspace, 2, /broker\.db: it was made with another aes_key/, {
    env: { CIPHERMQ_AES_KEY: other },
  });
  edit(workspace, ":0", `:${workspace.port}`);
  await workspace.serve();
  const again = await workspace.connect("receiver_1");
  assert.equal(await again.ask("get_key receiver_1"), `Public key: ${key}`);
  await consume(again);
  assert.equal(messageId(await again.line()), "kept");
});

Deno.test("the original's own database is refused and left as it is", async () => {
  await using workspace = await Workspace.make();
  const file = workspace.path("broker.db");
  const original = new DatabaseSync(file);
  original.exec(
    "CREATE TABLE public_keys (client_id TEXT PRIMARY KEY, public_key_ciphertext BLOB)",
  );
  original.close();
  const before = Deno.readFileSync(file);
  await refused(workspace, 2, /broker\.db: it belongs to another program or to the original/);
  assert.deepEqual(Deno.readFileSync(file), before);
});

Deno.test("a port that is taken is refused with host and port", async () => {
  await using workspace = await Workspace.make();
  using _taken = Deno.listen({ hostname: "127.0.0.1", port: workspace.port });
  const ballast = () =>
    [...Deno.readDirSync(workspace.folder)].filter(({ name }) => name.endsWith(".ballast"));
  const text = new RegExp(
    `cannot listen on 127\\.0\\.0\\.1, port ${workspace.port}: another program`,
  );
  await refused(workspace, 2, text);
  assert.deepEqual(ballast(), [], "a broker that did not start holds nothing back");
});
