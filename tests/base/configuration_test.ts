/**
 * Files that configurations name: what is wrong with them is told before anything of them is used.
 * How a file is held against its schema is shown by `tests/server/options_test.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import {
  checkConfiguration,
  isOpenToOthers,
  keepToOwnerCommand,
  readConfiguredFile,
  readSecretFile,
} from "../../lib/base/configuration.ts";
import { CipherMqError } from "../../lib/base/errors.ts";

/** A folder with one file; removed when its scope ends. */
class Folder {
  readonly path = Deno.makeTempDirSync();
  readonly file: string;

  constructor(name: string, content: string | Uint8Array, mode: number) {
    this.file = join(this.path, name);
    Deno.writeFileSync(
      this.file,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    Deno.chmodSync(this.file, mode);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function failure(read: () => unknown): CipherMqError {
  try {
    read();
  } catch (error) {
    assert(error instanceof CipherMqError, String(error));
    assert.equal(error.code, "configuration");
    return error;
  }
  throw new Error("it was accepted");
}

Deno.test("a secret is read when its owner alone can read it", () => {
  for (const mode of [0o600, 0o400, 0o700]) {
    using folder = new Folder("a.key", "secret", mode);
    assert.equal(readSecretFile(folder.file, "the key"), "secret");
    assert(!isOpenToOthers(folder.file, "the key"));
  }
});

Deno.test({
  name: "a secret that others can get at is refused before it is read",
  ignore: Deno.build.os === "windows",
  fn(): void {
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777]) {
      using folder = new Folder("a.key", "secret", mode);
      const { message, hint } = failure(() => readSecretFile(folder.file, "the key"));
      assert.equal(
        message,
        `cannot use ${folder.file}: the key can be read by others than its owner`,
      );
      assert.equal(hint, `chmod 600 ${folder.file}`);
      assert(isOpenToOthers(folder.file, "the key"));
    }
  },
});

Deno.test({
  name: "the mode is looked at before the content",
  ignore: Deno.build.os === "windows",
  fn(): void {
    using folder = new Folder("a.key", "secret", 0o644);
    const original = Deno.readTextFileSync;
    let reads = 0;
    Deno.readTextFileSync = (file) => {
      reads++;
      return original(file);
    };
    try {
      failure(() => readSecretFile(folder.file, "the key"));
    } finally {
      Deno.readTextFileSync = original;
    }
    assert.equal(reads, 0);
  },
});

Deno.test({
  name: "the command that mends a file can be pasted into a shell, whatever the file is called",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    for (const name of ["a.key", "my key", 'it\'s $HOME; `x` "y"', "a*b?", "-rf", "schlüssel"]) {
      using folder = new Folder(name, "secret", 0o644);
      const { hint } = failure(() => readSecretFile(folder.file, "the key"));
      const { code } = await new Deno.Command("sh", { args: ["-c", hint ?? ""] }).output();
      assert.equal(code, 0, hint);
      assert.equal(readSecretFile(folder.file, "the key"), "secret");
    }
    assert.equal(keepToOwnerCommand("certs/a.key"), "chmod 600 certs/a.key");
    assert.equal(keepToOwnerCommand("my certs/a.key"), "chmod 600 'my certs/a.key'");
  },
});

Deno.test("a file that is not there, a folder and a file under a file are told apart", () => {
  using folder = new Folder("a.key", "secret", 0o600);
  for (const read of [readConfiguredFile, readSecretFile]) {
    const missing = join(folder.path, "b.key");
    const { message, hint } = failure(() => read(missing, "the key", "make one"));
    assert.equal(message, `cannot read the key ${missing}: there is no such file`);
    assert.equal(hint, "make one");
    const under = join(folder.file, "b.key");
    assert.equal(
      failure(() => read(under, "the key")).message,
      `cannot read the key ${under}: a part of its path is a file, not a folder`,
    );
  }
  Deno.chmodSync(folder.path, 0o700);
  assert.equal(
    failure(() => readSecretFile(folder.path, "the key")).message,
    `cannot read the key ${folder.path}: it is a folder`,
  );
});

Deno.test("what a file or a path makes up cannot command the terminal that shows the error", () => {
  using folder = new Folder("a.json", "{}", 0o600);
  const odd = "a\u009b31m\u202eb\u2028c\nd";
  const expected = "a\\u{9b}31m\\u{202e}b\\u{2028}c";
  const { message } = failure(() =>
    checkConfiguration(z.strictObject({}), { [odd]: 1 }, folder.file)
  );
  assert.equal(message, `cannot use ${folder.file}: unknown key "${expected}\\nd"`);
  const missing = join(folder.path, odd);
  assert.equal(
    failure(() => readConfiguredFile(missing, "the key")).message,
    `cannot read the key ${folder.path}/${expected}\\u{a}d: there is no such file`,
  );
});
