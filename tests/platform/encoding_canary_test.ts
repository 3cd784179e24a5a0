/**
 * What the wire, the envelopes and the store rely on in the platform's encodings and checksums.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

const ILL_FORMED: readonly (readonly [string, readonly number[]])[] = [
  ["a lone continuation", [0x61, 0x80]],
  ["an overlong form", [0xc0, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a cut-off character", [0xe2, 0x82]],
  ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ["a byte that is none", [0xff]],
];

Deno.test("what is not UTF-8 becomes U+FFFD where decoding is lenient, and throws where it is fatal", () => {
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  const fatal = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  for (const [what, bytes] of ILL_FORMED) {
    const line = new Uint8Array(bytes);
    assert(lenient.decode(line).includes("\uFFFD"), what);
    assert.throws(() => fatal.decode(line), TypeError, what);
    assert.equal(fatal.decode(new Uint8Array([0x61])), "a", "it can be used again");
  }
  const good = "\uFEFFé€😀\uFFFD\0";
  for (const decoder of [lenient, fatal]) {
    assert.equal(decoder.decode(new TextEncoder().encode(good)), good);
  }
});

Deno.test("encodeInto tells how much of a text it took, and never half a character", () => {
  const room = new Uint8Array(4);
  assert.deepEqual(new TextEncoder().encodeInto("ab😀", room), { read: 2, written: 2 });
  assert.deepEqual(new TextEncoder().encodeInto("😀a", room), { read: 2, written: 4 });
  assert.deepEqual(new TextEncoder().encodeInto("\uD800", room), { read: 1, written: 3 });
});

Deno.test("strict base64 refuses what has no padding or spare bits, and takes spaces, which the length shows", () => {
  const decode = (text: string) => Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  for (const text of ["QUI", "QUJ=", "QQ=", "QR==", "QU-_", "QUI=QUI=", "QUI=="]) {
    assert.throws(() => decode(text), SyntaxError, text);
  }
  assert.deepEqual(decode("QU I=\n"), new Uint8Array([0x41, 0x42]));
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assert.equal(bytes.toBase64(), Buffer.from(bytes).toString("base64"));
  assert.deepEqual(decode(bytes.toBase64()), bytes);
});

Deno.test("crc32 is the checksum of ISO-HDLC, of texts as UTF-8, and goes on from where it was", () => {
  assert.equal(crc32("123456789"), 0xcbf43926);
  assert.equal(crc32("é"), crc32(new TextEncoder().encode("é")));
  assert.equal(crc32("6789", crc32("12345")), 0xcbf43926);
  assert.equal(crc32("", 0xffffffff), 0xffffffff, "it is unsigned");
});
