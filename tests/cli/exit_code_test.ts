/**
 * Exit codes: what the README promises, and nothing else.
 *
 * @module
 */
import assert from "node:assert/strict";
import { exitCodeOf } from "../../cli/exit_code.ts";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";

/** Every code of an error: the type holds this list to be complete. */
const EXPECTED: Readonly<Record<ErrorCode, number>> = {
  connection: 1,
  storage: 1,
  already_exists: 1,
  invalid_message: 1,
  protocol: 1,
  conflict: 1,
  limit: 1,
  usage: 2,
  configuration: 2,
  invalid_name: 2,
  tls: 3,
  access_denied: 3,
  not_found: 4,
  unroutable: 4,
  timeout: 5,
  cryptographic: 6,
  partial: 7,
};

Deno.test("each kind of failure has the exit code of its group", () => {
  for (const [code, exit] of Object.entries(EXPECTED)) {
    assert.equal(exitCodeOf(new CipherMqError(code as ErrorCode, "what and why")), exit, code);
  }
});

Deno.test("whatever else fails is a failure at run time", () => {
  for (const thrown of [new Error("x"), new TypeError("x"), "text", undefined, { code: "tls" }]) {
    assert.equal(exitCodeOf(thrown), 1);
  }
});

Deno.test("the README has every exit code, in its words", () => {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const sentence = /Exit codes: ([^.]+)\./.exec(readme.replaceAll(/\s+/g, " "))?.[1] ?? "";
  const documented = new Map(
    sentence.split(", ").map((part) => [parseInt(part), part.replace(/^\d+ /, "")]),
  );
  const used = new Set([0, ...Object.values(EXPECTED)]);
  assert.deepEqual([...documented.keys()].toSorted(), [...used].toSorted());
  const words = {
    2: /usage or configuration/,
    3: /TLS or access/,
    4: /not found or unroutable/,
    5: /timeout/,
    6: /cryptographic/,
    7: /some/,
  };
  for (const [code, word] of Object.entries(words)) {
    assert.match(documented.get(Number(code)) ?? "", word);
  }
});
