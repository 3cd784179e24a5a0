/**
 * Rows as lines with columns.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tableLines } from "../../cli/table.ts";

Deno.test("columns are as wide as their widest word, numbers stand right, and no line ends with spaces", () => {
  assert.deepEqual(tableLines([["NAME", "COUNT", "WHY"], ["a", 7, ""], ["longer", 12_345, "x"]]), [
    "NAME    COUNT  WHY",
    "a           7",
    "longer  12345  x",
  ]);
  assert.deepEqual(tableLines([]), []);
});
