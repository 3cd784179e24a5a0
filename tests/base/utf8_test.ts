/** Tests of `lib/base/utf8.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { fromUtf8 } from "../../lib/base/utf8.ts";

const encoder = new TextEncoder();

Deno.test("any text comes back as it was, byte order marks and U+FFFD included", () => {
  for (
    const text of ["", "\uFEFF", "\uFEFFa\uFEFF", "\uFFFD", "a\uFFFDé\uFFFD😀", "nul\0", "\r\n"]
  ) {
    assert.equal(fromUtf8(encoder.encode(text)), text);
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(fromUtf8(encoder.encode(text)), text);
  }));
});

Deno.test("bytes are UTF-8 just when encoding their text gives them back", () => {
  const byte = fc.constantFrom(0x61, 0x80, 0xbd, 0xbf, 0xc0, 0xc3, 0xed, 0xef, 0xf0, 0xf4, 0xff);
  let refused = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 }), fc.array(byte, { maxLength: 6 }), (any, near) => {
      const bytes = Uint8Array.of(...any, ...near);
      const replaced = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      const isText = encoder.encode(replaced).toBase64() === bytes.toBase64();
      assert.equal(fromUtf8(bytes), isText ? replaced : undefined);
      if (!isText) refused++;
    }),
    { numRuns: 1_000 },
  );
  assert(refused > 100, `${refused} were no text: that proves little`);
});
