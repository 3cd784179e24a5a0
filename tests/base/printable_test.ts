/** Texts of others as people may read them. @module */
import assert from "node:assert/strict";
import { printable } from "../../lib/base/printable.ts";
import { systemError } from "../../lib/base/system_error.ts";

Deno.test("what commands a terminal or cannot be seen is spelled out, all else stays", () => {
  assert.equal(printable("grüße 😀 a\\b"), "grüße 😀 a\\b");
  assert.equal(
    printable("a\u009b31m\u202eb\u2028\n\0"),
    "a\\u{9b}31m\\u{202e}b\\u{2028}\\u{a}\\u{0}",
  );
});

Deno.test("what the system says of a path is spelled out too", () => {
  const path = `${Deno.cwd()}/a\0b`;
  let refusal: unknown;
  try {
    Deno.statSync(path);
  } catch (error) {
    refusal = error;
  }
  const { message } = systemError("configuration", `cannot read ${path}`, refusal);
  assert.match(message, /^cannot read .*a\\u\{0\}b: .*a\\u\{0\}b/);
  assert.equal(printable(message), message);
});
