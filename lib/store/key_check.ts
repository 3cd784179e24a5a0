/**
 * Whether a database was made with the AES key at hand. The key itself stays with the vault: the
 * database keeps and gives a sealed value, on whichever thread it is.
 *
 * @module
 */
import { CipherMqError } from "../base/errors.ts";
import type { Database } from "./database.ts";
import type { KeyVault, Sealed } from "./key_vault.ts";

/** What the check value is sealed for. Not a client id: those begin otherwise. */
const OWNER = "check";
const VALUE = new TextEncoder().encode("ciphermq");

/** The value for a new database. */
export function sealCheck(vault: KeyVault): Sealed {
  return vault.seal(OWNER, VALUE);
}

/** Rejects with `configuration` if the database at `path` was made with another key than the vault's. */
export async function requireKey(
  database: Database,
  path: string,
  vault: KeyVault,
): Promise<void> {
  const [row] = await database.query("keyCheck");
  if (row !== undefined) {
    const [ciphertext, nonce, tag] = row;
    if (vault.open(OWNER, { ciphertext, nonce, tag }) !== undefined) return;
  }
  throw new CipherMqError(
    "configuration",
    `cannot open the database ${path}: it was made with another aes_key`,
    { hint: "use the aes_key that the broker had when it made the file, or a new file" },
  );
}
