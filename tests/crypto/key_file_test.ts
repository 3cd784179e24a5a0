/**
 * Tests of key files, on real files.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import {
  keyFiles,
  readPrivateKey,
  readPublicKey,
  writeKeyFiles,
} from "../../lib/crypto/key_file.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";

const POSIX = Deno.build.os !== "windows";
const KEY_PAIR = generateKeyPair();
const base64 = (key: Uint8Array) => Buffer.from(key).toString("base64");
const PRIVATE_TEXT = base64(KEY_PAIR.privateKey);

/** Runs a test in a folder of its own. */
function inFolder(test: (dir: string) => void): () => void {
  return () => {
    const dir = Deno.makeTempDirSync();
    try {
      test(dir);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  };
}

function fileNames(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map((entry) => entry.name).sort();
}

function modeOf(path: string): number {
  return Deno.lstatSync(path).mode! & 0o777;
}

function write(dir: string, force = false): void {
  writeKeyFiles({ dir, name: "receiver_1", keyPair: KEY_PAIR, force });
}

function writePrivate(dir: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(dir, "receiver_1_private.key");
  if (typeof content === "string") Deno.writeTextFileSync(path, content);
  else Deno.writeFileSync(path, content);
  if (POSIX) Deno.chmodSync(path, mode);
  return path;
}

Deno.test(
  "both keys are written, just their base64, into a folder that is made, and read back",
  inFolder((parent) => {
    const dir = join(parent, "deep", "certs");
    const files = writeKeyFiles({ dir, name: "receiver_1", keyPair: KEY_PAIR });
    assert.deepEqual(files, {
      privateKey: join(dir, "receiver_1_private.key"),
      publicKey: join(dir, "receiver_1_public.key"),
    });
    assert.equal(Deno.readTextFileSync(files.privateKey), PRIVATE_TEXT);
    assert.equal(Deno.readTextFileSync(files.publicKey), base64(KEY_PAIR.publicKey));
    assert.deepEqual(readPrivateKey(files.privateKey), KEY_PAIR.privateKey);
    assert.deepEqual(readPublicKey(files.publicKey), KEY_PAIR.publicKey);
    assert.deepEqual(fileNames(dir), ["receiver_1_private.key", "receiver_1_public.key"]);
  }),
);

Deno.test({
  name: "only its owner can read the private key, everyone the public one",
  ignore: !POSIX,
  fn: inFolder((dir) => {
    const umask = Deno.umask(0);
    try {
      write(dir);
    } finally {
      Deno.umask(umask);
    }
    assert.equal(modeOf(join(dir, "receiver_1_private.key")), 0o600);
    assert.equal(modeOf(join(dir, "receiver_1_public.key")), 0o644);
  }),
});

Deno.test(
  "a key file that is there is not overwritten, and the other one is not written either",
  inFolder((parent) => {
    for (const present of ["receiver_1_private.key", "receiver_1_public.key"]) {
      const dir = join(parent, present);
      Deno.mkdirSync(dir);
      Deno.writeTextFileSync(join(dir, present), "precious");
      assert.throws(() => write(dir), {
        name: "CipherMqError",
        code: "already_exists",
        message: `cannot write ${join(dir, present)}: the file is there already`,
        hint: "--force replaces both key files; what was sealed to the old key is lost then",
      });
      assert.deepEqual(fileNames(dir), [present]);
      assert.equal(Deno.readTextFileSync(join(dir, present)), "precious");
    }
  }),
);

Deno.test({
  name: "a private key is not written through a link that waits in its place",
  ignore: !POSIX,
  fn: inFolder((dir) => {
    Deno.symlinkSync(join(dir, "elsewhere"), join(dir, "receiver_1_private.key"));
    assert.throws(() => write(dir), { code: "already_exists" });
    write(dir, true);
    assert.deepEqual(fileNames(dir), ["receiver_1_private.key", "receiver_1_public.key"]);
    assert.ok(Deno.lstatSync(join(dir, "receiver_1_private.key")).isFile);
  }),
});

Deno.test(
  "force replaces both files and gives the private one its mode, whatever it had",
  inFolder((dir) => {
    write(dir);
    if (POSIX) Deno.chmodSync(join(dir, "receiver_1_private.key"), 0o644);
    const keyPair = generateKeyPair();
    const files = writeKeyFiles({ dir, name: "receiver_1", keyPair, force: true });
    assert.deepEqual(readPrivateKey(files.privateKey), keyPair.privateKey);
    assert.deepEqual(readPublicKey(files.publicKey), keyPair.publicKey);
    if (POSIX) assert.equal(modeOf(files.privateKey), 0o600);
    assert.deepEqual(fileNames(dir), ["receiver_1_private.key", "receiver_1_public.key"]);
  }),
);

Deno.test(
  "what cannot be written is said, and no half-made file stays",
  inFolder((dir) => {
    const file = join(dir, "file");
    Deno.writeTextFileSync(file, "");
    const notFolder = (error: Error & { code?: string }) =>
      error.code === "configuration" &&
      error.message.startsWith(`cannot make the folder ${file}: `);
    assert.throws(() => write(file), notFolder);
    Deno.removeSync(file);
    Deno.mkdirSync(join(dir, "receiver_1_private.key", "inside"), { recursive: true });
    const notReplaced = (error: Error & { code?: string }) =>
      error.code === "configuration" &&
      error.message.startsWith(`cannot write ${join(dir, "receiver_1_private.key")}: `);
    assert.throws(() => write(dir, true), notReplaced);
    assert.deepEqual(fileNames(dir), ["receiver_1_private.key"]);
  }),
);

Deno.test("a name that is no identity names no file", () => {
  for (
    const name of ["", ".", "..", "../a", "a/b", "a\\b", "-a", "a b", "a\0", "é", "a".repeat(65)]
  ) {
    const refusal = { name: "CipherMqError", code: "invalid_name" };
    assert.throws(() => keyFiles("certs", name), refusal, JSON.stringify(name));
    assert.throws(() => writeKeyFiles({ dir: "/dev/null/x", name, keyPair: KEY_PAIR }), refusal);
  }
});

Deno.test(
  "a key on one line is read with or without its line end",
  inFolder((dir) => {
    for (const end of ["", "\n", "\r\n"]) {
      assert.deepEqual(readPrivateKey(writePrivate(dir, PRIVATE_TEXT + end)), KEY_PAIR.privateKey);
    }
  }),
);

Deno.test(
  "what is not one key in base64 on one line is refused, and not shown",
  inFolder((dir) => {
    const wrong: (string | Uint8Array)[] = [
      "",
      "\n",
      `${PRIVATE_TEXT}\n\n`,
      `${PRIVATE_TEXT}\r`,
      ` ${PRIVATE_TEXT}`,
      `${PRIVATE_TEXT} `,
      `\uFEFF${PRIVATE_TEXT}`,
      `${PRIVATE_TEXT}\n${PRIVATE_TEXT}\n`,
      `${PRIVATE_TEXT.slice(0, 20)}\n${PRIVATE_TEXT.slice(20)}`,
      PRIVATE_TEXT.slice(0, -1),
      `${PRIVATE_TEXT}=`,
      `-${PRIVATE_TEXT.slice(1)}`,
      `${"A".repeat(42)}B=`,
      base64(KEY_PAIR.privateKey.subarray(1)),
      base64(Uint8Array.of(...KEY_PAIR.privateKey, 0)),
      Buffer.from(KEY_PAIR.privateKey).toString("hex"),
      KEY_PAIR.privateKey,
      "-----BEGIN PRIVATE KEY-----\n",
    ];
    for (const content of wrong) {
      const path = writePrivate(dir, content);
      const refusal = {
        name: "CipherMqError",
        code: "configuration",
        message: `cannot use ${path}: expected 32 bytes in base64 on one line`,
      };
      assert.throws(() => readPrivateKey(path), refusal, JSON.stringify(content));
      assert.throws(() => readPublicKey(path), refusal);
    }
  }),
);

Deno.test({
  name: "a private key that others can use is refused with the command that mends it",
  ignore: !POSIX,
  fn: inFolder((dir) => {
    for (const mode of [0o644, 0o640, 0o604, 0o660, 0o620, 0o602, 0o777]) {
      const path = writePrivate(dir, PRIVATE_TEXT, mode);
      assert.throws(() => readPrivateKey(path), {
        name: "CipherMqError",
        code: "configuration",
        hint: `chmod 600 ${path}`,
      }, mode.toString(8));
      assert.deepEqual(readPublicKey(path), KEY_PAIR.privateKey);
    }
    for (const mode of [0o600, 0o400, 0o700]) {
      assert.deepEqual(readPrivateKey(writePrivate(dir, PRIVATE_TEXT, mode)), KEY_PAIR.privateKey);
    }
  }),
});

Deno.test("a key file that is missing is named with the command that makes it", () => {
  const cases = [
    ["certs/receiver_9_private.key", "make one: ciphermq keygen receiver_9"],
    ["./no/certs/r_private.key", "make one: ciphermq keygen r --dir ./no/certs"],
    ["/no such/r_private.key", "make one: ciphermq keygen r --dir '/no such'"],
    ["/it's/r_private.key", "make one: ciphermq keygen r --dir '/it'\\''s'"],
    ["certs/my receiver_private.key", "make one: ciphermq keygen NAME"],
  ] as const;
  for (const [path, hint] of cases) {
    assert.throws(() => readPrivateKey(path), {
      name: "CipherMqError",
      code: "configuration",
      message: `cannot read private key ${path}: there is no such file`,
      hint,
    });
  }
  assert.throws(() => readPublicKey("certs/receiver_9_public.key"), {
    code: "configuration",
    message: "cannot read public key certs/receiver_9_public.key: there is no such file",
    hint: "make one: ciphermq keygen receiver_9",
  });
});
