/**
 * `ciphermq init`: what it makes fits together, and nothing is lost that was there before.
 *
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { basename, join } from "node:path";
import { Command } from "commander";
import { addInit } from "../../cli/init.ts";
import { Terminal } from "../../cli/terminal.ts";
import { CipherMqError } from "../../lib/base/errors.ts";
import { readClientOptions } from "../../lib/client/options.ts";
import { readPrivateKey, readPublicKey } from "../../lib/crypto/key_file.ts";
import { publicKeyOf } from "../../lib/crypto/key_pair.ts";
import { readServerOptions } from "../../lib/server/options.ts";

class Lines extends Terminal {
  readonly printed: string[] = [];
  override data(line: string): void {
    this.printed.push(line);
  }
  override note(line: string): void {
    this.printed.push(line);
  }
}

async function runInit(args: string[], json = false): Promise<string[]> {
  const terminal = new Lines();
  terminal.json = json;
  const program = new Command("ciphermq").exitOverride();
  addInit(program, terminal);
  await program.parseAsync(["init", ...args], { from: "user" });
  return terminal.printed;
}

async function refusal(args: string[]): Promise<CipherMqError> {
  try {
    await runInit(args);
  } catch (error) {
    if (error instanceof CipherMqError) return error;
    throw error;
  }
  throw new Error("init did what it should refuse");
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function contents(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) contents(path).forEach((text, name) => found.set(name, text));
    else found.set(path, Deno.readTextFileSync(path));
  }
  return found;
}

function mode(file: string): number {
  return (Deno.statSync(file).mode ?? 0) & 0o777;
}

Deno.test("init makes configurations, certificates and keys that fit together", () =>
  inFolder(async (folder) => {
    await runInit([folder]);
    const server = readServerOptions(join(folder, "config.toml"), {});
    assert.equal(server.aesKey.length, 32);
    assert.deepEqual([server.host, server.port], ["127.0.0.1", 5672]);
    assert.equal(server.databasePath, join(folder, "ciphermq.db"));
    const client = readClientOptions(join(folder, "config.json"));
    assert.deepEqual(client, {
      receivers: ["receiver_1"],
      host: "127.0.0.1",
      port: 5672,
      tls: { caPath: join(folder, "certs/ca.crt"), checkHostname: true },
    });
    const authority = new X509Certificate(server.authorities);
    assert.deepEqual(server.admins, ["admin"]);
    for (const name of ["server", "sender_1", "receiver_1", "admin"]) {
      const certificate = Deno.readTextFileSync(join(folder, `certs/${name}.crt`));
      assert(new X509Certificate(certificate).verify(authority.publicKey), name);
    }
    const privateKey = readPrivateKey(join(folder, "certs/receiver_1_private.key"));
    const publicKey = readPublicKey(join(folder, "certs/receiver_1_public.key"));
    assert.deepEqual(publicKeyOf(privateKey), publicKey);
  }));

Deno.test("what is secret is for its owner only", () =>
  inFolder(async (folder) => {
    await runInit([folder]);
    const secrets = [...contents(folder).keys()].filter((file) =>
      /(?:\.key|config\.toml)$/.test(file) && !file.endsWith("_public.key")
    );
    assert.deepEqual(
      secrets.map((file) => basename(file)).toSorted(),
      [
        "admin.key",
        "ca.key",
        "config.toml",
        "receiver_1.key",
        "receiver_1_private.key",
        "sender_1.key",
        "server.key",
      ],
    );
    for (const file of secrets) assert.equal(mode(file), 0o600, file);
  }));

Deno.test("senders and receivers are those that are named, and one name may be both", () =>
  inFolder(async (folder) => {
    const names = [
      "--sender",
      "alice",
      "--sender",
      "bob",
      "--receiver",
      "bob",
      "--receiver",
      "carol",
    ];
    await runInit([folder, ...names]);
    const made = [...contents(join(folder, "certs")).keys()].map((file) => basename(file));
    assert.deepEqual(made.filter((name) => name.endsWith(".crt")).toSorted(), [
      "admin.crt",
      "alice.crt",
      "bob.crt",
      "ca.crt",
      "carol.crt",
      "server.crt",
    ]);
    assert.deepEqual(made.filter((name) => name.endsWith("_private.key")).toSorted(), [
      "bob_private.key",
      "carol_private.key",
    ]);
    assert.deepEqual(readClientOptions(join(folder, "config.json")).receivers, ["bob", "carol"]);
  }));

Deno.test("the server's certificate is for every --host too", () =>
  inFolder(async (folder) => {
    await runInit([folder, "--host", "broker.example", "--host", "192.0.2.7"]);
    const pem = Deno.readTextFileSync(join(folder, "certs/server.crt"));
    const certificate = new X509Certificate(pem);
    assert(certificate.checkHost("broker.example") && certificate.checkIP("192.0.2.7"));
    assert(certificate.checkHost("localhost") && !certificate.checkHost("other.example"));
  }));

Deno.test("--address is where the broker listens and where the clients find it", async () => {
  for (
    const [address, listens, found, port] of [
      ["127.0.0.1:7000", "127.0.0.1", "127.0.0.1", 7000],
      ["[::]:5672", "::", "::1", 5672],
      ["0.0.0.0:5673", "0.0.0.0", "127.0.0.1", 5673],
      ["broker.example:5672", "broker.example", "broker.example", 5672],
    ] as const
  ) {
    await inFolder(async (folder) => {
      await runInit([folder, "--address", address]);
      const server = readServerOptions(join(folder, "config.toml"), {});
      assert.deepEqual([server.host, server.port], [listens, port]);
      const client = readClientOptions(join(folder, "config.json"));
      assert.deepEqual([client.host, client.port], [found, port]);
      const certificate = new X509Certificate(server.certificate);
      assert(certificate.checkHost(found) ?? certificate.checkIP(found), found);
    });
  }
});

Deno.test("an --address that is no host and port is refused before anything is made", () =>
  inFolder(async (folder) => {
    for (const address of ["5672", "localhost", "127.0.0.1:0", 'a"b:1', "h:65536"]) {
      assert.equal((await refusal([folder, "--address", address])).code, "usage", address);
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }
  }));

Deno.test("each run makes other keys", () =>
  inFolder(async (folder) => {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    await runInit([first]);
    await runInit([second]);
    const aesKey = (dir: string) => readServerOptions(join(dir, "config.toml"), {}).aesKey;
    assert.notDeepEqual(aesKey(first), aesKey(second));
  }));

Deno.test("where one of the files is there already, init makes none", async () => {
  for (
    const present of [
      "config.toml",
      "config.json",
      "certs/server.key",
      "certs/sender_1.crt",
      "certs/receiver_1_private.key",
      "certs/receiver_1_public.key",
    ]
  ) {
    await inFolder(async (folder) => {
      const file = join(folder, present);
      Deno.mkdirSync(join(folder, "certs"));
      Deno.writeTextFileSync(file, "mine");
      const { code, message, hint } = await refusal([folder]);
      assert.equal(code, "already_exists");
      assert(message.includes(file) && hint?.includes("--force"), message);
      assert.deepEqual([...contents(folder)], [[file, "mine"]]);
    });
  }
});

Deno.test("an authority that is there is used, with --force too", () =>
  inFolder(async (folder) => {
    await runInit([folder]);
    const authority = (name: string) => Deno.readTextFileSync(join(folder, "certs", name));
    const before = [authority("ca.crt"), authority("ca.key")];
    await runInit([folder, "--force"]);
    assert.deepEqual([authority("ca.crt"), authority("ca.key")], before);
    for (const file of contents(folder).keys()) {
      if (!/ca\.(?:crt|key)$/.test(file)) Deno.removeSync(file);
    }
    await runInit([folder]);
    assert.deepEqual([authority("ca.crt"), authority("ca.key")], before);
    const server = new X509Certificate(authority("server.crt"));
    assert(server.verify(new X509Certificate(authority("ca.crt")).publicKey));
  }));

Deno.test("--force replaces what is there, also its modes, and follows no link", () =>
  inFolder(async (folder) => {
    await runInit([folder]);
    const before = contents(folder);
    const config = join(folder, "config.toml");
    const outside = await Deno.makeTempFile();
    await Deno.chmod(config, 0o644);
    await Deno.remove(join(folder, "config.json"));
    await Deno.symlink(outside, join(folder, "config.json"));
    await runInit([folder, "--force"]);
    const after = contents(folder);
    assert.deepEqual([...after.keys()].toSorted(), [...before.keys()].toSorted());
    assert.notEqual(after.get(config), before.get(config));
    assert.equal(mode(config), 0o600);
    assert.equal(await Deno.readTextFile(outside), "");
    assert.equal(readClientOptions(join(folder, "config.json")).port, 5672);
    await Deno.remove(outside);
  }));

Deno.test("a database is never left without its key, not even with --force", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "ciphermq.db"), "data");
    const { code, message } = await refusal([folder, "--force"]);
    assert.equal(code, "already_exists");
    assert.match(message, /ciphermq\.db belongs to the present one/);
    assert.equal(contents(folder).size, 1);
  }));

Deno.test("names that are no identities are refused before anything is made", () =>
  inFolder(async (folder) => {
    for (const name of ["../up", "two words", "", "a\nb"]) {
      for (const flag of ["--sender", "--receiver"]) {
        assert.equal((await refusal([folder, flag, name])).code, "invalid_name", `${flag} ${name}`);
        assert.deepEqual([...Deno.readDirSync(folder)], []);
      }
    }
  }));

Deno.test("names that would need the same file are refused", () =>
  inFolder(async (folder) => {
    for (const names of [["--sender", "ca"], ["--sender", "bob_private", "--receiver", "bob"]]) {
      const { code, message } = await refusal([folder, "--force", ...names]);
      assert.equal(code, "usage");
      assert.match(message, /two of them need the file .*(?:ca\.crt|bob_private\.key)$/);
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }
  }));

Deno.test("it tells the next three commands, with the names and the folder", () =>
  inFolder(async (folder) => {
    const told = await runInit([folder, "--sender", "alice", "--receiver", "bob"]);
    const commands = told.filter((line) => line.startsWith("  ")).map((line) => line.trim());
    assert.deepEqual(commands, [
      `cd ${folder}`,
      "ciphermq serve",
      "ciphermq receive --as bob --output -",
      "ciphermq send hello --as alice --to bob",
    ]);
    const [json = ""] = await runInit([join(folder, "other")], true);
    assert.deepEqual(JSON.parse(json).receivers, ["receiver_1"]);
  }));
