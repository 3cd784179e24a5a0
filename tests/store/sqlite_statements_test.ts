/**
 * Every statement is good SQL, finds its rows without a scan of bodies, and ranges are merged.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { createTables } from "../../lib/store/sqlite_schema.ts";
import { prepareStatements, rangesOf } from "../../lib/store/sqlite_statements.ts";

Deno.test("rows of messages and bodies are found by their ids and read in their order", () => {
  const db = new DatabaseSync(":memory:");
  createTables(db);
  for (const [name, statement] of Object.entries(prepareStatements(db))) {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${statement.sourceSQL}`).all().map((row) =>
      row.detail
    );
    assert.doesNotMatch(plan.join("; "), /SCAN (batch|body)|TEMP B-TREE/, name);
  }
  db.close();
});

Deno.test("neighbouring ids are one range", () => {
  assert.deepEqual([...rangesOf([])], []);
  assert.deepEqual([...rangesOf([4])], [[4, 4]]);
  assert.deepEqual([...rangesOf([1, 2, 3, 5, 7, 8])], [[1, 3], [5, 5], [7, 8]]);
});
