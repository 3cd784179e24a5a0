/**
 * `ciphermq keygen`: makes the X25519 key pair that messages to one receiver are sealed to.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { toBase64 } from "../lib/base/bytes.ts";
import {
  DEFAULT_KEY_DIR,
  type KeyFiles,
  keyFiles,
  readPrivateKey,
  writeKeyFiles,
} from "../lib/crypto/key_file.ts";
import { generateKeyPair, publicKeyOf } from "../lib/crypto/key_pair.ts";
import type { Terminal } from "./terminal.ts";

/** Whose key files {@linkcode makeKeyFiles} makes, and where. */
export interface MakeKeyFilesOptions {
  /** The folder; made if it is missing. */
  readonly dir: string;
  /** The receiver's client id. */
  readonly name: string;
  /** Whether files that are there are replaced. Default false. */
  readonly force?: boolean;
}

/** What {@linkcode makeKeyFiles} made. */
export interface MadeKeyFiles extends KeyFiles {
  /** The public key itself, base64. */
  readonly publicKeyText: string;
}

/**
 * Makes a new key pair and writes its two files. Throws `invalid_name`, `already_exists` and
 * `configuration` as `writeKeyFiles` in `lib/crypto`.
 */
export function makeKeyFiles({ dir, name, force = false }: MakeKeyFilesOptions): MadeKeyFiles {
  const keyPair = generateKeyPair();
  const files = writeKeyFiles({ dir, name, keyPair, force });
  return { ...files, publicKeyText: toBase64(keyPair.publicKey) };
}

interface KeygenFlags {
  readonly dir: string;
  readonly force?: true;
  readonly printPublic?: true;
}

/** Adds `keygen` to the program. */
export function addKeygen(program: Command, terminal: Terminal): void {
  program.command("keygen")
    .summary("make a receiver's end-to-end key pair")
    .description(
      "Makes the key pair that messages to NAME are encrypted to: NAME_private.key, which only its " +
        "owner can read, and NAME_public.key.",
    )
    .argument("<NAME>", "the receiver's client id")
    .option("--dir <DIR>", "the folder of the key files", DEFAULT_KEY_DIR)
    .option("--force", "replace existing key files; what was sealed to the old key is lost")
    .addOption(
      new Option("--print-public", "print the public key of the existing private one")
        .conflicts("force"),
    )
    .action((name: string, flags: KeygenFlags) => {
      if (flags.printPublic) printPublicKey(flags.dir, name, terminal);
      else keygen(flags, name, terminal);
    });
}

function keygen({ dir, force }: KeygenFlags, name: string, terminal: Terminal): void {
  const made = makeKeyFiles({ dir, name, force: force === true });
  if (terminal.json) {
    terminal.data(JSON.stringify({
      name,
      private_key_file: made.privateKey,
      public_key_file: made.publicKey,
      public_key: made.publicKeyText,
    }));
    return;
  }
  terminal.note(
    `private key  ${made.privateKey}  (keep it secret: it opens all messages to ${name})`,
  );
  terminal.note(`public key   ${made.publicKey}  ${made.publicKeyText}`);
}

function printPublicKey(dir: string, name: string, terminal: Terminal): void {
  const publicKey = toBase64(publicKeyOf(readPrivateKey(keyFiles(dir, name).privateKey)));
  terminal.data(terminal.json ? JSON.stringify({ name, public_key: publicKey }) : publicKey);
}
