/**
 * What is special to the tables of topology; what they keep is in the store's contract.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { KeyVault } from "../../lib/store/key_vault.ts";
import { createTables } from "../../lib/store/sqlite_schema.ts";
import { keyOwner } from "../../lib/store/sqlite_snapshot.ts";
import { prepareStatements } from "../../lib/store/sqlite_statements.ts";
import { type TopologyChange, writeTopology } from "../../lib/store/sqlite_topology.ts";
import { AES_KEY } from "./database_folder.ts";

Deno.test("each change is written to its table, and undone there", () => {
  const db = new DatabaseSync(":memory:");
  createTables(db);
  const vault = new KeyVault(AES_KEY);
  const sql = prepareStatements(db);
  const write = (change: TopologyChange) => writeTopology(sql, vault, change, 5);
  const counts = () =>
    ["exchange", "queue", "binding", "public_keys"].map((table) =>
      db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n
    );
  const binding = { queue: "q", exchange: "x", routingKey: "k" };
  write({ kind: "exchange_declared", exchange: "x", exchangeKind: "direct" });
  write({ kind: "queue_declared", queue: "q", options: { ttlMs: 5 } });
  write({ kind: "bound", ...binding });
  write({ kind: "key_registered", client: "alice", key: new Uint8Array(32).fill(3) });
  assert.deepEqual(counts(), [1, 1, 1, 1]);
  assert.equal(sql.queues.get()!.options, '{"ttlMs":5}');
  const key = sql.keys.get() as {
    public_key_ciphertext: Uint8Array;
    nonce: Uint8Array;
    tag: Uint8Array;
  };
  const sealed = { ciphertext: key.public_key_ciphertext, nonce: key.nonce, tag: key.tag };
  assert.deepEqual(vault.open(keyOwner("alice"), sealed), new Uint8Array(32).fill(3));
  write({ kind: "unbound", ...binding });
  write({ kind: "exchange_deleted", exchange: "x" });
  write({ kind: "queue_deleted", queue: "q" });
  assert.deepEqual(counts(), [0, 0, 0, 1]);
  db.close();
});
