/**
 * Key files: `<name>_private.key` and `<name>_public.key`, each an X25519 key's raw 32 bytes in
 * base64 on one line, as existing CipherMQ clients write and read them.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { fromBase64, toBase64 } from "../base/bytes.ts";
import { configurationError, readConfiguredFile, readSecretFile } from "../base/configuration.ts";
import { CipherMqError } from "../base/errors.ts";
import { isIdentity } from "../base/identity_name.ts";
import { systemError } from "../base/system_error.ts";
import { KEY_BYTES, type KeyPair } from "./key_pair.ts";

/** The folder of key files when nothing else is said. */
export const DEFAULT_KEY_DIR = "certs";

const PRIVATE_SUFFIX = "_private.key";
const PUBLIC_SUFFIX = "_public.key";
const OWNER_ONLY = 0o600;
const ALL_MAY_READ = 0o644;

/** Where the two keys of one name are. */
export interface KeyFiles {
  /** Path of the private key's file. */
  readonly privateKey: string;
  /** Path of the public key's file. */
  readonly publicKey: string;
}

/** What {@linkcode writeKeyFiles} writes, and where. */
export interface KeyFilesOptions {
  /** The folder; made if it is missing. */
  readonly dir: string;
  /** Whose keys they are. */
  readonly name: string;
  /** The keys. */
  readonly keyPair: KeyPair;
  /** Whether files that are there are replaced. Default false. */
  readonly force?: boolean;
}

/**
 * Where the keys of `name` are in `dir`. Throws `invalid_name` for a name that is no client's
 * identity, because it becomes part of a path.
 */
export function keyFiles(dir: string, name: string): KeyFiles {
  if (!isIdentity(name)) {
    throw new CipherMqError("invalid_name", `cannot name a key file ${JSON.stringify(name)}`, {
      hint: "a name is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit",
    });
  }
  return {
    privateKey: join(dir, name + PRIVATE_SUFFIX),
    publicKey: join(dir, name + PUBLIC_SUFFIX),
  };
}

/**
 * Writes both files, the private one for its owner only (mode 0600), and gives their paths. Throws
 * `already_exists` when one of them is there and `force` is not set, and then has written neither;
 * `configuration` when they cannot be written; `invalid_name` as {@linkcode keyFiles}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readPrivateKey, writeKeyFiles } from "./key_file.ts";
 * import { generateKeyPair } from "./key_pair.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * const keyPair = generateKeyPair();
 * const files = writeKeyFiles({ dir, name: "receiver_1", keyPair });
 * assert(readPrivateKey(files.privateKey).join() === keyPair.privateKey.join());
 * Deno.removeSync(dir, { recursive: true });
 * ```
 */
export function writeKeyFiles(options: KeyFilesOptions): KeyFiles {
  const { dir, name, keyPair, force = false } = options;
  const files = keyFiles(dir, name);
  makeFolder(dir);
  writeKey(files.privateKey, keyPair.privateKey, OWNER_ONLY, force);
  try {
    writeKey(files.publicKey, keyPair.publicKey, ALL_MAY_READ, force);
  } catch (error) {
    if (!force) Deno.removeSync(files.privateKey);
    throw error;
  }
  return files;
}

/**
 * Reads a private key's file. Throws `configuration` when there is none, when others than its owner
 * can read it (where the system knows such permissions), or when it is not one key in base64.
 */
export function readPrivateKey(path: string): Uint8Array {
  const hint = `make one: ${keygenCommand(path, PRIVATE_SUFFIX)}`;
  return parseKey(path, readSecretFile(path, "private key", hint));
}

/**
 * Reads a public key's file. Throws `configuration` when there is none or it is not one key in
 * base64.
 */
export function readPublicKey(path: string): Uint8Array {
  const hint = `make one: ${keygenCommand(path, PUBLIC_SUFFIX)}`;
  return parseKey(path, readConfiguredFile(path, "public key", hint));
}

function parseKey(path: string, content: string): Uint8Array {
  const key = fromBase64(content.replace(/\r?\n$/, ""), KEY_BYTES);
  if (key !== undefined) return key;
  throw configurationError(path, `expected ${KEY_BYTES} bytes in base64 on one line`);
}

function makeFolder(dir: string): void {
  try {
    Deno.mkdirSync(dir, { recursive: true });
  } catch (cause) {
    throw systemError("configuration", `cannot make the folder ${dir}`, cause);
  }
}

function writeKey(path: string, key: Uint8Array, mode: number, force: boolean): void {
  const write = force ? replaceFile : createFile;
  try {
    write(path, toBase64(key), mode);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) {
      throw systemError("configuration", `cannot write ${path}`, cause);
    }
    throw new CipherMqError("already_exists", `cannot write ${path}: the file is there already`, {
      cause,
      hint: "--force replaces both key files; what was sealed to the old key is lost then",
    });
  }
}

/** Fails if the file is there, so that no key is lost and no prepared file or link is written to. */
function createFile(path: string, content: string, mode: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode });
  try {
    writeAll(file, new TextEncoder().encode(content));
    file.syncSync();
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
}

/** Puts a new file in the old one's place: written into, the old one would keep its mode. */
function replaceFile(path: string, content: string, mode: number): void {
  const fresh = `${path}.${crypto.randomUUID()}`;
  createFile(fresh, content, mode);
  try {
    Deno.renameSync(fresh, path);
  } catch (error) {
    Deno.removeSync(fresh);
    throw error;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}

/** The command that makes the file at `path`. */
function keygenCommand(path: string, suffix: string): string {
  const name = basename(path, suffix);
  const dir = dirname(path);
  const command = `ciphermq keygen ${isIdentity(name) ? name : "NAME"}`;
  return dir === DEFAULT_KEY_DIR ? command : `${command} --dir ${shellWord(dir)}`;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
