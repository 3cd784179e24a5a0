/**
 * `gen-certs` as a user runs it, and what it leaves on disk.
 *
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCertificates } from "../../cli/certificate_files.ts";
import { CipherMqError } from "../../lib/base/errors.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** A temporary folder that `gen-certs` fills. */
class CertsFolder implements AsyncDisposable {
  readonly #parent = Deno.makeTempDirSync();
  readonly dir = join(this.#parent, "certs");

  path(name: string): string {
    return join(this.dir, name);
  }

  /** Runs the program; gives its exit code and what it printed. */
  async run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, "gen-certs", "--dir", this.dir, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** The files and what they hold. */
  contents(): Record<string, string> {
    const names = [...Deno.readDirSync(this.dir)].map((entry) => entry.name).sort();
    return Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(this.path(name))]));
  }

  certificate(name: string): X509Certificate {
    return new X509Certificate(Deno.readTextFileSync(this.path(`${name}.crt`)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#parent, { recursive: true });
  }
}

function pairs(...names: string[]): string[] {
  return names.flatMap((name) => [`${name}.crt`, `${name}.key`]).sort();
}

const mode = (path: string) => Deno.statSync(path).mode! & 0o777;
const onPosix = Deno.build.os !== "windows";
const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((output) => output.success, () => false);

Deno.test("a first run makes an authority, a server and two clients, and says so", async () => {
  await using folder = new CertsFolder();
  const { code, stdout, stderr } = await folder.run();
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  const names = ["ca", "server", "sender_1", "receiver_1"];
  assert.deepEqual(Object.keys(folder.contents()), pairs(...names));
  for (const name of names) {
    const day = folder.certificate(name).validToDate.toISOString().slice(0, 10);
    assert.match(stderr, new RegExp(`/${name}\\.crt +valid until ${day}  key .*/${name}\\.key\n`));
  }
  assert.match(stderr, /warning: whoever has .*ca\.key can pose as any client/);
  assert.match(stderr, /Keep it off the broker's machine/);
});

Deno.test({
  name: "only the owner can read private keys and list the folder",
  ignore: !onPosix,
  async fn() {
    await using folder = new CertsFolder();
    await makeCertificates({ dir: folder.dir, clients: ["a"] });
    await makeCertificates({ dir: folder.dir, clients: ["a"], force: true });
    assert.equal(mode(folder.dir), 0o700);
    for (const name of pairs("ca", "server", "a")) {
      assert.equal(mode(folder.path(name)), name.endsWith(".key") ? 0o600 : 0o644, name);
    }
  },
});

Deno.test({
  name: "OpenSSL verifies every certificate of a folder",
  ignore: !hasOpenssl,
  async fn() {
    await using folder = new CertsFolder();
    await makeCertificates({ dir: folder.dir, hosts: ["mq.example.org", "10.0.0.7"] });
    const files = ["server", "sender_1", "receiver_1"].map((name) => folder.path(`${name}.crt`));
    const { success, stdout } = await new Deno.Command("openssl", {
      args: ["verify", "-x509_strict", "-CAfile", folder.path("ca.crt"), ...files],
    }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stdout).match(/: OK/g)?.length, 3);
    assert.ok(folder.certificate("server").checkHost("mq.example.org"));
    assert.ok(folder.certificate("server").checkIP("10.0.0.7"));
  },
});

Deno.test("more clients are added under the same authority, and nothing else changes", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir });
  const before = folder.contents();
  const made = await makeCertificates({ dir: folder.dir, clients: ["alice", "bob", "alice"] });
  assert.deepEqual(made.map((one) => one.name), ["alice", "bob"]);
  const { "alice.crt": _a, "alice.key": _b, "bob.crt": _c, "bob.key": _d, ...rest } = folder
    .contents();
  assert.deepEqual(rest, before);
  assert.ok(folder.certificate("bob").verify(folder.certificate("ca").publicKey));
  assert.equal(folder.certificate("bob").subject, "CN=bob");
});

Deno.test("an authority without a server gets one", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir, clients: ["alice"] });
  await Deno.remove(folder.path("server.crt"));
  await Deno.remove(folder.path("server.key"));
  const made = await makeCertificates({ dir: folder.dir, clients: ["bob"] });
  assert.deepEqual(made.map((one) => one.name), ["server", "bob"]);
});

Deno.test("without a name only what is missing is made, and what stays is said", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir, clients: ["sender_1"] });
  const before = folder.contents();
  const first = await folder.run();
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /^the client sender_1 is there already and stays as it is\n.*receiver_1/,
  );
  const { "receiver_1.crt": _a, "receiver_1.key": _b, ...rest } = folder.contents();
  assert.deepEqual(rest, before);
  const all = folder.contents();
  const second = await folder.run();
  assert.deepEqual([second.code, second.stderr.match(/ stays as it is\n/g)?.length], [0, 2]);
  assert.deepEqual(folder.contents(), all);
});

Deno.test("nothing is overwritten or half made without --force", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir });
  const before = folder.contents();
  const cases: [string[], string][] = [
    [["new", "sender_1"], "sender_1.crt"],
    [["new", "--host", "mq.example.org"], "server.crt"],
  ];
  for (const [args, file] of cases) {
    const { code, stderr } = await folder.run(...args);
    assert.equal(code, 1);
    assert.ok(
      stderr.includes(`error: cannot write ${folder.path(file)}: the file is there`),
      stderr,
    );
    assert.match(stderr, /hint: --force replaces/);
    assert.deepEqual(folder.contents(), before);
  }
});

Deno.test("a key without its certificate is not overwritten either", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir });
  await Deno.remove(folder.path("sender_1.crt"));
  const before = folder.contents();
  await assert.rejects(
    makeCertificates({ dir: folder.dir, clients: ["sender_1"] }),
    (error: CipherMqError) => error.code === "already_exists",
  );
  assert.deepEqual(folder.contents(), before);
});

Deno.test("--force replaces the clients named and nothing else", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir });
  const before = folder.contents();
  const made = await makeCertificates({ dir: folder.dir, clients: ["sender_1"], force: true });
  assert.deepEqual(made.map((one) => one.name), ["sender_1"]);
  const after = folder.contents();
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  assert.deepEqual(changed, pairs("sender_1"));
});

Deno.test("--force without clients renews the server, never the authority", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir, clients: ["alice"] });
  const before = folder.contents();
  const { code, stderr } = await folder.run("--force", "--host", "mq.example.org", "10.0.0.7");
  assert.equal(code, 0, stderr);
  const after = folder.contents();
  assert.deepEqual(Object.keys(after), pairs("ca", "server", "alice"));
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  assert.deepEqual(changed, pairs("server"));
  assert.ok(folder.certificate("server").checkIP("10.0.0.7"));
});

Deno.test("half an authority is an error, and no new one takes its place", async () => {
  for (const missing of ["ca.key", "ca.crt"]) {
    await using folder = new CertsFolder();
    await makeCertificates({ dir: folder.dir });
    await Deno.remove(folder.path(missing));
    const before = folder.contents();
    await assert.rejects(
      makeCertificates({ dir: folder.dir, clients: ["new"], force: true }),
      (error: CipherMqError) => error.code === "configuration" && error.hint!.includes(missing),
    );
    assert.deepEqual(folder.contents(), before);
  }
});

Deno.test({
  name: "an authority's key that others can read is refused with the command that mends it",
  ignore: !onPosix,
  async fn() {
    await using folder = new CertsFolder();
    await makeCertificates({ dir: folder.dir });
    await Deno.chmod(folder.path("ca.key"), 0o640);
    const { code, stderr } = await folder.run("new");
    assert.equal(code, 2);
    assert.ok(stderr.includes(`hint: chmod 600 ${folder.path("ca.key")}\n`), stderr);
  },
});

Deno.test("an authority's files that do not fit are named", async () => {
  await using folder = new CertsFolder();
  await makeCertificates({ dir: folder.dir });
  await Deno.copyFile(folder.path("server.key"), folder.path("ca.key"));
  await assert.rejects(
    makeCertificates({ dir: folder.dir, clients: ["new"] }),
    (error: CipherMqError) =>
      error.message.includes("the private key is not the certificate's") &&
      error.message.includes(folder.path("ca.key")),
  );
});

Deno.test("names that are no identity or whose files have another meaning are refused", async () => {
  await using folder = new CertsFolder();
  const names = ["../x", "", "a b", "a\n", "ca", "CA", "server", "Server", "x_private", "x_PUBLIC"];
  for (const name of names) {
    await assert.rejects(
      makeCertificates({ dir: folder.dir, clients: ["good", name] }),
      (error: CipherMqError) => error.code === "usage" || error.code === "invalid_name",
      name,
    );
  }
  await assert.rejects(Deno.stat(folder.dir), "nothing was written");
});

Deno.test("--days sets how long certificates are valid, and must be a number of days", async () => {
  await using folder = new CertsFolder();
  const { code } = await folder.run("alice", "--days", "7");
  assert.equal(code, 0);
  for (const name of ["alice", "server"]) {
    const leftDays = (folder.certificate(name).validToDate.getTime() - Date.now()) / 86_400_000;
    assert.ok(leftDays > 6.9 && leftDays <= 7, `${leftDays} days`);
  }
  for (const days of ["0", "1.5", "-1", "x", "1e3"]) {
    const { code, stderr } = await folder.run("bob", "--days", days);
    assert.equal(code, 2);
    assert.match(stderr, /whole number of days/);
  }
});

Deno.test("--json gives the files and dates as data, --quiet says nothing", async () => {
  await using folder = new CertsFolder();
  const { stdout, stderr } = await folder.run("alice", "--json");
  assert.equal(stderr, "");
  const made = JSON.parse(stdout);
  assert.deepEqual(made.map((one: { kind: string }) => one.kind), [
    "authority",
    "server",
    "client",
  ]);
  assert.equal(made[2].name, "alice");
  assert.equal(made[2].certificate_file, folder.path("alice.crt"));
  assert.equal(made[2].valid_until, folder.certificate("alice").validToDate.toISOString());
  const quiet = await folder.run("bob", "--quiet");
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
});

Deno.test({
  name: "a link in a file's place is not followed",
  ignore: !onPosix,
  async fn() {
    await using folder = new CertsFolder();
    await makeCertificates({ dir: folder.dir });
    const target = folder.path("target");
    await Deno.symlink(target, folder.path("new.key"));
    await assert.rejects(
      makeCertificates({ dir: folder.dir, clients: ["new"] }),
      (error: CipherMqError) => error instanceof CipherMqError && error.code === "already_exists",
    );
    await assert.rejects(Deno.lstat(target));
    await assert.rejects(Deno.lstat(folder.path("new.crt")));
  },
});
