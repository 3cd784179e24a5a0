/**
 * A folder with a database for one test.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";
import type { StoredMessage } from "../../lib/core/restore.ts";
import type { OpenDatabase } from "../../lib/store/database.ts";
import { sealCheck } from "../../lib/store/key_check.ts";
import { KeyVault } from "../../lib/store/key_vault.ts";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { openDatabase } from "../../lib/store/sqlite_database.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";

/** The AES key of the tests. */
export const AES_KEY = new Uint8Array(32).fill(7);

/** Every message of a store that was just loaded. */
export async function messagesOf(store: Store): Promise<StoredMessage[]> {
  return (await Array.fromAsync(store.messages())).flat();
}

/** A temporary folder, removed at the end of the block it is `using` in. */
export class DatabaseFolder implements Disposable {
  /** The folder. */
  readonly folder: string;
  /** Where the database goes. */
  readonly path: string;

  /** Makes the folder, in `parent` or where the system has temporary files. */
  constructor(parent?: string) {
    const options = { prefix: "ciphermq-store-" };
    this.folder = Deno.makeTempDirSync(
      parent === undefined ? options : { ...options, dir: parent },
    );
    this.path = `${this.folder}/broker.db`;
  }

  /** Opens the database. */
  open(
    cacheBytes = 1_000_000,
    aesKey = AES_KEY,
    openDatabase: OpenDatabase = LocalDatabase.open,
  ): Promise<SqliteStore> {
    return SqliteStore.open({ path: this.path, aesKey, cacheBytes }, openDatabase);
  }

  /** Opens the database itself, without a store. */
  openDatabase(): DatabaseSync {
    return openDatabase({ path: this.path, check: sealCheck(new KeyVault(AES_KEY)) });
  }

  /** Tries to write to the database in another process: `in`, or why SQLite refused. */
  async tryFromElsewhere(): Promise<string> {
    const code = `
    import { DatabaseSync } from "node:sqlite";
    try {
      new DatabaseSync(${JSON.stringify(this.path)}).exec("BEGIN IMMEDIATE");
      console.log("in");
    } catch (error) { console.log(error.message); }`;
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
    return new TextDecoder().decode(stdout).trim();
  }

  /** The names in the folder with their permissions. */
  files(): Record<string, string> {
    const entries = [...Deno.readDirSync(this.folder)].map(({ name }) => {
      const mode = Deno.statSync(`${this.folder}/${name}`).mode ?? 0;
      return [name, (mode & 0o777).toString(8)] as const;
    });
    return Object.fromEntries(entries.toSorted());
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** A check for `assert.throws`: a CipherMqError of this code whose text matches. */
export function failure(code: ErrorCode, text: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof CipherMqError && error.code === code && text.test(error.message);
}
