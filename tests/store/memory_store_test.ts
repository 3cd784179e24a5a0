/**
 * The memory store keeps the contract of every store.
 *
 * @module
 */
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { MemoryStore } from "../../lib/store/memory_store.ts";
import { storeContract } from "../contracts/store_contract.ts";

storeContract("memory store", () => {
  const disk = new MemoryDisk();
  return { open: () => new MemoryStore(disk), dispose: () => {} };
});
