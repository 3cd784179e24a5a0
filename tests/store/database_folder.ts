/**
 * A folder with a database for one test.
 *
 * @module
 */
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";

/** The AES key of the tests. */
export const AES_KEY = new Uint8Array(32).fill(7);

/** A temporary folder, removed at the end of the block it is `using` in. */
export class DatabaseFolder implements Disposable {
  /** The folder. */
  readonly folder = Deno.makeTempDirSync({ prefix: "ciphermq-store-" });
  /** Where the database goes. */
  readonly path = `${this.folder}/broker.db`;

  /** Opens the database. */
  open(cacheBytes = 1_000_000, aesKey = AES_KEY): SqliteStore {
    return SqliteStore.open({ path: this.path, aesKey, cacheBytes });
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
