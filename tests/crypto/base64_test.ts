/**
 * Tests of strict base64.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { fromBase64 } from "../../lib/crypto/base64.ts";

Deno.test("what encoding gives is decoded", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const decoded = fromBase64(Buffer.from(bytes).toString("base64"));
    assert.deepEqual(decoded && Uint8Array.from(decoded), bytes);
  }));
});

Deno.test("what encoding never gives is not decoded", () => {
  const wrong = [
    "A",
    "Yg",
    "Yg=",
    "Yh==",
    "YWJ=",
    "Y g==",
    "Yg==\n",
    "_-8=",
    "Yg===",
    "=",
    "Yg==AAAA",
  ];
  for (const text of wrong) assert.equal(fromBase64(text), undefined, JSON.stringify(text));
});
