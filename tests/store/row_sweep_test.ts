/**
 * Forgetting looks at each row once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { RowSweep } from "../../lib/store/row_sweep.ts";

Deno.test("a sweep passes old rows once and gives those that are done", () => {
  const sweep = new RowSweep();
  const rows = [1, 2, 3, 4].map((id) => ({ id, at: id * 10, done: id !== 2 }));
  assert.deepEqual(sweep.pass(rows, 35), [1, 3]);
  assert.equal(sweep.cursor, 3);
  assert.deepEqual(sweep.pass(rows.slice(3), 35), []);
  assert.equal(sweep.cursor, 3);
});

Deno.test("a row passed too early is given once its messages are removed, one ahead is not", () => {
  const sweep = new RowSweep();
  sweep.pass([{ id: 5, at: 1, done: false }], 10);
  sweep.finished([5, 6]);
  assert.equal(sweep.hasLate, true);
  assert.deepEqual(sweep.takeLate(10), [5]);
  assert.equal(sweep.hasLate, false);
});

Deno.test("a row that a wrong clock put into the future is as old as the rows after it", () => {
  const sweep = new RowSweep();
  const rows = [
    { id: 1, at: 10, done: true },
    { id: 2, at: 9_999_999, done: true },
    { id: 3, at: 12, done: true },
    { id: 4, at: 9_999_999, done: true },
  ];
  assert.deepEqual(sweep.pass(rows, 20), [1, 2, 3]);
});
