/** Tests of `lib/wire/whole_number.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { notWhole, toWholeNumber } from "../../lib/wire/whole_number.ts";

Deno.test("a whole number has one text", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => {
    assert.equal(toWholeNumber(String(value), 0), value);
  }));
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."0123456789-+e. ") }), (text) => {
    const value = toWholeNumber(text, 0);
    if (value !== undefined) assert.equal(String(value), text);
  }));
});

Deno.test("the edges: the least, and 2^53 - 1", () => {
  assert.equal(toWholeNumber("0", 0), 0);
  assert.equal(toWholeNumber("0", 1), undefined);
  assert.equal(toWholeNumber("1", 1), 1);
  assert.equal(toWholeNumber("9007199254740991", 0), 2 ** 53 - 1);
  assert.equal(toWholeNumber("9007199254740992", 0), undefined);
  assert.equal(toWholeNumber("9999999999999999", 0), undefined);
  assert.equal(toWholeNumber("10000000000000000", 0), undefined);
  assert.equal(notWhole(1), "is not a whole number from 1 to 9007199254740991");
});

Deno.test("what only looks like a whole number is none", () => {
  const texts = ["", " 1", "1 ", "1\n", "+1", "-1", "-0", "00", "01", "1.0", "1e3", "0x1", "1_0"];
  for (const text of [...texts, "١", "１", "NaN", "Infinity"]) {
    assert.equal(toWholeNumber(text, 0), undefined, text);
  }
});
