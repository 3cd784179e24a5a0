/**
 * The checksum against published values of MurmurHash3 (x86, 32 bit, seed 0).
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checksumOf } from "../../lib/core/checksum.ts";

const TEXTS: readonly (readonly [string, number])[] = [
  ["", 0],
  ["a", 0x3c2569b2],
  ["abc", 0xb3dd93fa],
  ["test", 0xba6bd213],
  ["hello", 0x248bfa47],
  ["hello, world", 0x149bbb7f],
  ["Hello, world!", 0xc0363e43],
  ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
];

const BYTES: readonly (readonly [string, number])[] = [
  ["ffffffff", 0x76293b50],
  ["21436587", 0xf55b516b],
  ["214365", 0x7e4a8634],
  ["2143", 0xa0f7b07a],
  ["21", 0x72661cf4],
  ["00000000", 0x2362f9de],
  ["000000", 0x85f0b427],
  ["0000", 0x30f4c306],
  ["00", 0x514e28b7],
];

Deno.test("the checksum is MurmurHash3 x86_32 with seed 0", () => {
  const encoder = new TextEncoder();
  for (const [text, hash] of TEXTS) {
    assert.equal(checksumOf(encoder.encode(text)) >>> 0, hash, JSON.stringify(text));
  }
  for (const [hex, hash] of BYTES) {
    assert.equal(checksumOf(Uint8Array.fromHex(hex)) >>> 0, hash, hex);
  }
});

Deno.test("the checksum is a signed 32-bit number and depends on the bytes only, wherever they lie", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(7), (bytes, offset) => {
    const shifted = new Uint8Array(offset + bytes.length + 3).fill(0xa5);
    shifted.set(bytes, offset);
    const checksum = checksumOf(bytes);
    assert.equal(checksum, checksum | 0);
    assert.equal(checksumOf(shifted.subarray(offset, offset + bytes.length)), checksum);
  }));
});
