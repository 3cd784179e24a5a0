/**
 * A database tells a wrong key without ever having the right one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { requireKey, sealCheck } from "../../lib/store/key_check.ts";
import { KeyVault } from "../../lib/store/key_vault.ts";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { AES_KEY, DatabaseFolder, failure } from "./database_folder.ts";

const right = new KeyVault(AES_KEY);
const wrong = new KeyVault(new Uint8Array(32).fill(8));

Deno.test("only the key that a database was made with is taken", async () => {
  using box = new DatabaseFolder();
  const database = await LocalDatabase.open({ path: box.path, check: sealCheck(right) });
  await requireKey(database, box.path, new KeyVault(AES_KEY));
  const refused = failure("configuration", /broker\.db: it was made with another aes_key/);
  await assert.rejects(requireKey(database, box.path, wrong), refused);
  await database.close();
});
