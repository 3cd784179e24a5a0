/**
 * How messages share a row, and what happens to damaged ones.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bodiesData,
  MAX_ROW_BYTES,
  MAX_ROW_MESSAGES,
  RowBodies,
  rowsOf,
} from "../../lib/store/batch_row.ts";
import { enqueued } from "../contracts/store_model.ts";

const LANE = { queue: "q", receiver: "r" };
const sizes = fc.array(fc.constantFrom(0, 1, 600, 40_000, MAX_ROW_BYTES, 200_000), {
  maxLength: 20,
});

Deno.test("rows hold all messages in order, none more than it may, and no two that fit one", () => {
  fc.assert(
    fc.property(sizes, (sizes) => {
      const messages = sizes.map((size, seq) => enqueued(LANE, seq, size));
      const rows = [...rowsOf(messages)];
      assert.deepEqual(rows.flat(), messages);
      const bytes = rows.map((row) => row.reduce((sum, { body }) => sum + body.byteLength, 0));
      for (const [i, row] of rows.entries()) {
        assert.ok(bytes[i]! <= MAX_ROW_BYTES || row.length === 1);
        const next = rows[i + 1]?.[0];
        if (next !== undefined) assert.ok(bytes[i]! + next.body.byteLength > MAX_ROW_BYTES);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("a row of empty bodies ends at the most messages", () => {
  const messages = Array.from({ length: MAX_ROW_MESSAGES + 1 }, (_, seq) => enqueued(LANE, seq, 0));
  assert.deepEqual([...rowsOf(messages)].map((row) => row.length), [MAX_ROW_MESSAGES, 1]);
});

Deno.test("a row gives back its bodies", () => {
  const messages = [0, 5, 0, 300].map((size, seq) => enqueued(LANE, seq, size));
  const data = bodiesData(messages);
  assert.equal(new RowBodies(data).count, 4);
  // As SQLite may give it: not at the start of its buffer.
  const shifted = new Uint8Array([9, ...data]).subarray(1);
  for (const [i, { body }] of messages.entries()) {
    assert.deepEqual(new RowBodies(shifted).at(i), body);
  }
  assert.throws(() => new RowBodies(data).at(4), RangeError);
  assert.throws(() => new RowBodies(data.subarray(0, data.length - 1)).at(3), RangeError);
});
