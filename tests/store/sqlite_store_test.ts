/**
 * The SQLite store keeps the contract of every store, with and without a cache.
 *
 * @module
 */
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { storeContract } from "../contracts/store_contract.ts";

const aesKey = new Uint8Array(32).fill(7);

for (const cacheBytes of [0, 200_000]) {
  storeContract(`sqlite store with ${cacheBytes} bytes of cache`, () => {
    const folder = Deno.makeTempDirSync({ prefix: "ciphermq-store-" });
    return {
      open: () => SqliteStore.open({ path: `${folder}/broker.db`, aesKey, cacheBytes }),
      dispose: () => Deno.removeSync(folder, { recursive: true }),
    };
  });
}
