/** Tests of `lib/wire/reject_reason.ts`. @module */
import assert from "node:assert/strict";
import { MAX_REASON_CHARACTERS, reasonProblem } from "../../lib/wire/reject_reason.ts";

Deno.test("a reason is text for people", () => {
  for (const text of ["cannot decrypt", " ", "a  b ", "clé refusée\u00a0!", "鍵が違う", "😀"]) {
    assert.equal(reasonProblem(text), undefined, text);
  }
});

Deno.test("a reason has at most 200 characters, whatever their bytes", () => {
  for (const character of ["a", "é", "😀"]) {
    const longest = character.repeat(MAX_REASON_CHARACTERS);
    assert.equal(reasonProblem(longest), undefined);
    assert.equal(reasonProblem(longest + character), "is longer than 200 characters");
  }
  assert.equal(reasonProblem(""), "is empty");
});

Deno.test("a reason cannot forge a line, nor change the direction of one", () => {
  for (const bad of ["\n", "\r", "\0", "\u001b[31m", "\u2028", "\u2029", "\u202e", "\ud800"]) {
    assert.equal(reasonProblem(`a${bad}b`), "has a control character", JSON.stringify(bad));
  }
});
