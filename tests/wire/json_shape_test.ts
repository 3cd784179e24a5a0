/** Tests of `lib/wire/json_shape.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonShapeProblem } from "../../lib/wire/json_shape.ts";

const UNBOUNDED = { maxDepth: Infinity, maxCommas: Infinity, tooMany: "too many" };

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function commasOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inside = Object.values(value);
  return Math.max(0, inside.length - 1) + inside.reduce<number>((sum, v) => sum + commasOf(v), 0);
}

Deno.test("depth and commas are those of the value, whatever its strings hold", () => {
  const text = fc.string({ unit: fc.constantFrom("\\", '"', "[", "{", ",", "}", "]", "a") });
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      text,
      fc.nat(),
      fc.constant(null),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(text, tie("tree"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(fc.property(tree, fc.constantFrom(0, 1), (value, indent) => {
    const json = JSON.stringify(value, null, indent);
    const depth = depthOf(value);
    const commas = commasOf(value);
    const fits = { maxDepth: depth, maxCommas: commas, tooMany: "too many" };
    assert.equal(jsonShapeProblem(json, fits), undefined);
    if (depth > 0) {
      const shape = { ...UNBOUNDED, maxDepth: depth - 1 };
      assert.equal(jsonShapeProblem(json, shape), "nested too deep");
    }
    if (commas > 0) {
      const shape = { ...UNBOUNDED, maxCommas: commas - 1 };
      assert.equal(jsonShapeProblem(json, shape), "too many");
    }
  }));
});

Deno.test("a string that does not end is not valid JSON", () => {
  for (const text of ['"', '"a', '"\\"', '{"a":"\\\\\\"']) {
    assert.equal(jsonShapeProblem(text, UNBOUNDED), "not valid JSON");
  }
  assert.equal(jsonShapeProblem('"\\\\"', UNBOUNDED), undefined);
});
