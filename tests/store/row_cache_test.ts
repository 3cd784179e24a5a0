/**
 * The cache's accounting is exact.
 *
 * @module
 */
import assert from "node:assert/strict";
import { RowCache } from "../../lib/store/row_cache.ts";

const row = (size: number) => new Uint8Array(size);

Deno.test("a cache counts its bytes exactly and drops the oldest first", () => {
  const cache = new RowCache(100);
  for (const id of [1, 2, 3]) cache.put(id, row(30));
  assert.equal(cache.bytes, 90);
  cache.put(4, row(50));
  assert.deepEqual([1, 2, 3, 4].map((id) => cache.get(id)?.byteLength), [
    undefined,
    undefined,
    30,
    50,
  ]);
  assert.equal(cache.bytes, 80);
  cache.delete(3);
  cache.delete(3);
  assert.equal(cache.bytes, 50);
  cache.put(5, row(50));
  assert.equal(cache.bytes, 100);
});

Deno.test("a row larger than the cache is not kept and drives nothing out", () => {
  const cache = new RowCache(100);
  cache.put(1, row(100));
  cache.put(2, row(101));
  assert.equal(cache.get(1)?.byteLength, 100);
  assert.equal(cache.get(2), undefined);
  assert.equal(cache.bytes, 100);
});
