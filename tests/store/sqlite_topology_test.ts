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
import { prepareStatements, type QueryRows } from "../../lib/store/sqlite_statements.ts";
import { rowSum } from "../../lib/store/row_sum.ts";
import { type TopologyChange, topologyOperations } from "../../lib/store/sqlite_topology.ts";
import { AES_KEY } from "./database_folder.ts";

Deno.test("each change is written to its table, and undone there", () => {
  const db = new DatabaseSync(":memory:");
  createTables(db);
  const vault = new KeyVault(AES_KEY);
  const sql = prepareStatements(db);
  const write = (change: TopologyChange) => {
    for (const [name, ...values] of topologyOperations(vault, change, 5)) sql[name].run(...values);
  };
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
  assert.deepEqual(sql.queues.all(), [["q", '{"ttlMs":5}', rowSum("q", '{"ttlMs":5}')]]);
  const [[, ciphertext, nonce, tag]] = sql.keys.all() as unknown as [QueryRows["keys"]];
  const sealed = { ciphertext, nonce, tag };
  assert.deepEqual(vault.open(keyOwner("alice"), sealed), new Uint8Array(32).fill(3));
  write({ kind: "unbound", ...binding });
  write({ kind: "exchange_deleted", exchange: "x" });
  write({ kind: "queue_deleted", queue: "q" });
  assert.deepEqual(counts(), [0, 0, 0, 1]);
  db.close();
});
