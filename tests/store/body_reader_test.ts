/**
 * Bodies come from memory while they are kept, else from the database, each row once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bodiesData } from "../../lib/store/batch_row.ts";
import { BodyReader } from "../../lib/store/body_reader.ts";
import type { Database } from "../../lib/store/database.ts";
import { bodySum } from "../../lib/store/row_sum.ts";
import { Lane } from "../../lib/store/lane.ts";
import { bodyOf, headOf } from "../contracts/store_model.ts";

const NAME = { queue: "q", receiver: "r" };
const SIZE = 100;

/** A lane of four rows of three messages, and a reader whose database notes which rows it is asked for. */
function bench(cacheBytes: number) {
  const lane = new Lane({ id: 1, ...NAME, floor: 0, marks: "[]" });
  const rows = new Map<number, Uint8Array<ArrayBuffer>>();
  for (const id of [1, 2, 3, 4]) {
    const seqs = [0, 1, 2].map((i) => (id - 1) * 3 + i);
    lane.saw(id, seqs[2]!);
    rows.set(
      id,
      bodiesData(seqs.map((seq) => ({
        message: headOf(NAME, seq, SIZE),
        body: bodyOf(NAME, seq, SIZE),
      }))),
    );
  }
  const asked: number[] = [];
  const query = (_name: string, id: number) => {
    asked.push(id);
    const data = rows.get(id);
    return Promise.resolve(data === undefined ? [] : [[data, bodySum(id, data)]]);
  };
  const reader = new BodyReader({ query } as unknown as Database, cacheBytes);
  const read = (...seqs: number[]) => reader.read(seqs.map((seq) => ({ lane, seq })));
  return { reader, rows, asked, read };
}

Deno.test("each missing row is asked for once, and bodies come in the order asked", async () => {
  const { asked, read } = bench(1_000_000);
  const seqs = [7, 0, 1, 8, 2, 0];
  assert.deepEqual(await read(...seqs), seqs.map((seq) => bodyOf(NAME, seq, SIZE)));
  assert.deepEqual(asked, [3, 1]);
  await read(0, 3);
  assert.deepEqual(asked, [3, 1, 2]);
});

Deno.test("what was written is not asked for until it is dropped", async () => {
  const { reader, rows, asked, read } = bench(1_000_000);
  reader.keep(rows);
  await read(0, 4, 11);
  assert.deepEqual(asked, []);
  reader.drop([2]);
  await read(0, 4, 11);
  assert.deepEqual(asked, [2]);
});

Deno.test("more rows than are kept are read all the same", async () => {
  const { asked, read } = bench(0);
  const seqs = [...Array(12).keys()];
  assert.deepEqual(await read(...seqs), seqs.map((seq) => bodyOf(NAME, seq, SIZE)));
  assert.deepEqual(asked, [1, 2, 3, 4]);
});

Deno.test("a row without bodies rejects", async () => {
  const { rows, read } = bench(0);
  rows.delete(2);
  await assert.rejects(read(0, 4), /row 2 has its bodies/);
});
