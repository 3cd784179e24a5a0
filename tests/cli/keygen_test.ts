/**
 * Tests of `ciphermq keygen`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import sodium from "libsodium-wrappers";
import { addKeygen, makeKeyFiles } from "../../cli/keygen.ts";
import { Terminal } from "../../cli/terminal.ts";

await sodium.ready;

/** A terminal that keeps what was printed. */
class KeptTerminal extends Terminal {
  readonly lines: string[] = [];
  readonly notes: string[] = [];

  override data(line: string): void {
    this.lines.push(line);
  }

  override note(line: string): void {
    if (this.verbosity !== "quiet") this.notes.push(line);
  }
}

/** Runs `keygen` with arguments and gives what it printed. */
async function keygen(args: readonly string[], json = false): Promise<KeptTerminal> {
  const terminal = new KeptTerminal();
  terminal.json = json;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addKeygen(program, terminal);
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  await program.parseAsync(["keygen", ...args], { from: "user" });
  return terminal;
}

async function inFolder(test: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function fileNames(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map((entry) => entry.name).sort();
}

/** The public key of a private one's file, by libsodium. */
function publicKeyBySodium(path: string): string {
  const privateKey = Buffer.from(Deno.readTextFileSync(path), "base64");
  return Buffer.from(sodium.crypto_scalarmult_base(privateKey)).toString("base64");
}

Deno.test("keygen makes two files that belong together, and shows no secret", () =>
  inFolder(async (dir) => {
    const { lines, notes } = await keygen(["receiver_1", "--dir", dir]);
    assert.deepEqual(fileNames(dir), ["receiver_1_private.key", "receiver_1_public.key"]);
    const publicKey = publicKeyBySodium(join(dir, "receiver_1_private.key"));
    assert.equal(Deno.readTextFileSync(join(dir, "receiver_1_public.key")), publicKey);
    assert.deepEqual(lines, []);
    assert.match(notes.join("\n"), /receiver_1_private\.key/);
    assert.ok(notes.join("\n").includes(publicKey));
    const secret = Deno.readTextFileSync(join(dir, "receiver_1_private.key"));
    assert.ok(!notes.join("\n").includes(secret));
  }));

Deno.test("keygen with --json prints one object about what it made", () =>
  inFolder(async (dir) => {
    const { lines, notes } = await keygen(["receiver_1", "--dir", dir], true);
    assert.deepEqual(notes, []);
    assert.equal(lines.length, 1);
    assert.deepEqual(JSON.parse(lines[0]!), {
      name: "receiver_1",
      private_key_file: join(dir, "receiver_1_private.key"),
      public_key_file: join(dir, "receiver_1_public.key"),
      public_key: publicKeyBySodium(join(dir, "receiver_1_private.key")),
    });
  }));

Deno.test("keygen replaces a key with --force only", () =>
  inFolder(async (dir) => {
    const path = join(dir, "receiver_1_private.key");
    await keygen(["receiver_1", "--dir", dir]);
    const first = Deno.readTextFileSync(path);
    await assert.rejects(keygen(["receiver_1", "--dir", dir]), { code: "already_exists" });
    assert.equal(Deno.readTextFileSync(path), first);
    await keygen(["receiver_1", "--dir", dir, "--force"]);
    assert.notEqual(Deno.readTextFileSync(path), first);
    assert.equal(
      Deno.readTextFileSync(join(dir, "receiver_1_public.key")),
      publicKeyBySodium(path),
    );
  }));

Deno.test("keygen --print-public prints the public key of the private one and makes nothing", () =>
  inFolder(async (dir) => {
    await keygen(["receiver_1", "--dir", dir]);
    const publicKey = publicKeyBySodium(join(dir, "receiver_1_private.key"));
    // The private key is what counts: the public one's file may be gone.
    await Deno.remove(join(dir, "receiver_1_public.key"));
    const plain = await keygen(["receiver_1", "--dir", dir, "--print-public"]);
    assert.deepEqual([plain.lines, plain.notes], [[publicKey], []]);
    const json = await keygen(["receiver_1", "--dir", dir, "--print-public"], true);
    assert.deepEqual(JSON.parse(json.lines.join("\n")), {
      name: "receiver_1",
      public_key: publicKey,
    });
    assert.deepEqual(fileNames(dir), ["receiver_1_private.key"]);
  }));

Deno.test("keygen --print-public without a private key says how to make one, and makes nothing", () =>
  inFolder(async (dir) => {
    await assert.rejects(keygen(["receiver_1", "--dir", dir, "--print-public"]), {
      code: "configuration",
      hint: `make one: ciphermq keygen receiver_1 --dir ${dir}`,
    });
    assert.deepEqual(fileNames(dir), []);
  }));

Deno.test("keygen takes no name that is no identity, and leaves nothing behind", () =>
  inFolder(async (dir) => {
    for (const name of ["../receiver", "a/b", "two words", "", "."]) {
      await assert.rejects(keygen([name, "--dir", join(dir, "certs")]), { code: "invalid_name" });
      await assert.rejects(keygen([name, "--dir", dir, "--print-public"]), {
        code: "invalid_name",
      });
    }
    assert.deepEqual(fileNames(dir), []);
  }));

Deno.test("keygen will not both print a key and replace it", () =>
  inFolder(async (dir) => {
    await assert.rejects(keygen(["receiver_1", "--dir", dir, "--print-public", "--force"]), {
      name: "CommanderError",
      code: "commander.conflictingOption",
    });
    assert.deepEqual(fileNames(dir), []);
  }));

Deno.test("key files can be made without the command line, with their public key told", () =>
  inFolder((dir) => {
    const made = makeKeyFiles({ dir, name: "receiver_1" });
    assert.equal(made.privateKey, join(dir, "receiver_1_private.key"));
    assert.equal(made.publicKey, join(dir, "receiver_1_public.key"));
    assert.equal(made.publicKeyText, publicKeyBySodium(made.privateKey));
    assert.throws(() => makeKeyFiles({ dir, name: "receiver_1" }), { code: "already_exists" });
    const replaced = makeKeyFiles({ dir, name: "receiver_1", force: true });
    assert.notEqual(replaced.publicKeyText, made.publicKeyText);
  }));

Deno.test("the program itself makes keys, prints a public one on stdout, and fails with hints", () =>
  inFolder(async (dir) => {
    const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
    const program = async (...args: string[]) => {
      const command = new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--allow-all", main, ...args],
        cwd: dir,
      });
      const { code, stdout, stderr } = await command.output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    };
    const made = await program("keygen", "receiver_1");
    assert.equal(made.code, 0, made.stderr);
    assert.equal(made.stdout, "");
    const publicKey = publicKeyBySodium(join(dir, "certs", "receiver_1_private.key"));
    assert.ok(made.stderr.includes(publicKey));
    assert.deepEqual(await program("keygen", "receiver_1", "--print-public"), {
      code: 0,
      stdout: `${publicKey}\n`,
      stderr: "",
    });
    const again = await program("keygen", "receiver_1");
    assert.equal(again.code, 1);
    assert.equal(again.stdout, "");
    assert.match(again.stderr, /^error: cannot write .*already\nhint: --force .*\n$/);
  }));
