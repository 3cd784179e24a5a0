/**
 * Tests of the validator for names.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_NAME_BYTES, nameProblem } from "../../lib/base/names.ts";

const SPACE_OR_CONTROL = "has a space or control character";
const TOO_LONG = "is longer than 255 bytes";

Deno.test("names of letters, digits, signs and other scripts can be used", () => {
  for (
    const name of ["a", "orders.eu", "CipherMQ-Receiver", "#", '"\\', "سلام", "🚀", "__proto__", "é"]
  ) {
    assert.equal(nameProblem(name), undefined, name);
  }
});

Deno.test("an empty name cannot be used", () => {
  assert.equal(nameProblem(""), "is empty");
});

Deno.test("the longest name is counted in UTF-8 bytes", () => {
  assert.equal(nameProblem("a".repeat(MAX_NAME_BYTES)), undefined);
  assert.equal(nameProblem("a".repeat(MAX_NAME_BYTES + 1)), TOO_LONG);
  assert.equal(nameProblem("é".repeat(127) + "a"), undefined);
  assert.equal(nameProblem("é".repeat(128)), TOO_LONG);
  assert.equal(nameProblem("🚀".repeat(63) + "abc"), undefined);
  assert.equal(nameProblem("🚀".repeat(64)), TOO_LONG);
});

Deno.test("a name cannot hold a space, a control or an invisible character, wherever it stands", () => {
  const forbidden = {
    "space": " ",
    "tab": "\t",
    "line feed": "\n",
    "carriage return": "\r",
    "NUL": "\0",
    "escape": "\u001b",
    "delete": "\u007f",
    "C1 next line": "\u0085",
    "no-break space": "\u00a0",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "ideographic space": "\u3000",
    "zero-width joiner": "\u200d",
    "right-to-left override": "\u202e",
    "byte order mark": "\ufeff",
    "private use": "\ue000",
    "high surrogate alone": "\ud800",
    "low surrogate alone": "\udc00",
  };
  for (const [what, character] of Object.entries(forbidden)) {
    for (const name of [character, character + "a", "a" + character, "é" + character + "é"]) {
      assert.equal(nameProblem(name), SPACE_OR_CONTROL, `${what} in ${JSON.stringify(name)}`);
    }
  }
});

Deno.test("a name that can be used is one word on one line and survives UTF-8", () => {
  const anyName = fc.string({
    unit: fc.constantFrom("a", "é", "🚀", "\ud800", " ", "\n", "\u200b"),
  });
  fc.assert(fc.property(fc.oneof(anyName, fc.string({ unit: "binary" })), (name) => {
    if (nameProblem(name) !== undefined) return;
    assert.doesNotMatch(name, /\s/);
    const bytes = new TextEncoder().encode(name);
    assert.ok(bytes.length > 0 && bytes.length <= MAX_NAME_BYTES);
    assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), name);
  }));
});
