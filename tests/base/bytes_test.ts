/** Tests of `lib/base/bytes.ts`. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  base64Length,
  ByteWriter,
  decodedLength,
  equalBytes,
  fromBase64,
  toBase64,
} from "../../lib/base/bytes.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("a writer gives back just what was written, in order", () => {
  const piece = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 2000 }),
    fc.uint8Array({ maxLength: 9000 }),
    fc.nat(255),
  );
  fc.assert(fc.property(fc.array(fc.array(piece)), (rounds) => {
    const writer = new ByteWriter();
    for (const pieces of rounds) {
      const expected: number[] = [];
      for (const piece of pieces) {
        if (typeof piece === "string") writer.text(piece);
        else if (typeof piece === "number") writer.byte(piece);
        else writer.bytes(piece);
        const bytes = typeof piece === "string" ? encode(piece) : piece;
        expected.push(...(typeof bytes === "number" ? [bytes] : bytes));
      }
      assert.equal(writer.length, expected.length);
      assert.ok(equalBytes(writer.take(), Uint8Array.from(expected)));
      assert.equal(writer.length, 0);
    }
  }));
});

Deno.test("a text of three-byte characters fits wherever the buffer ends", () => {
  for (let before = 0; before < 1100; before++) {
    const writer = new ByteWriter();
    writer.bytes(new Uint8Array(before));
    writer.text("aé€😀");
    assert.deepEqual(writer.take().subarray(before), encode("aé€😀"));
  }
});

Deno.test("bytes that were taken do not change when the writer goes on", () => {
  for (const size of [1, 1000, 5000, 70_000]) {
    const writer = new ByteWriter();
    writer.text("a".repeat(size));
    const taken = writer.take();
    writer.text("b".repeat(size));
    assert.ok(taken.every((byte) => byte === 97), `${size} bytes`);
  }
});

Deno.test("bytes that were taken hold at most twice their memory", () => {
  const writer = new ByteWriter();
  for (const size of [300_000, 5000, 1, 3_000_000, 10, 40_000]) {
    writer.bytes(new Uint8Array(size));
    const taken = writer.take();
    assert.ok(taken.buffer.byteLength <= 2 * size, `${taken.buffer.byteLength} for ${size}`);
  }
});

Deno.test("a large writer has at most 4 MiB to spare", () => {
  const writer = new ByteWriter();
  const piece = new Uint8Array(64 * 1024);
  for (let i = 0; i < 20 * 16 + 1; i++) writer.bytes(piece);
  const length = writer.length;
  const taken = writer.take();
  assert.ok(taken.buffer.byteLength - length <= 4 * 1024 * 1024);
});

Deno.test("equal bytes are equal, and differ by any byte or their length", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assert.ok(equalBytes(bytes, Uint8Array.of(1, 2, 3)));
  assert.ok(equalBytes(new Uint8Array(0), new Uint8Array(0)));
  assert.ok(!equalBytes(bytes, Uint8Array.of(1, 2)));
  for (let i = 0; i < 3; i++) {
    const other = bytes.slice();
    other[i] = 9;
    assert.ok(!equalBytes(bytes, other));
  }
});

Deno.test("base64 goes there and back", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    assert.deepEqual(fromBase64(toBase64(bytes), bytes.length), bytes);
    assert.equal(fromBase64(toBase64(bytes), bytes.length + 1), undefined);
    assert.equal(base64Length(bytes.length), toBase64(bytes).length);
    assert.equal(decodedLength(toBase64(bytes)), bytes.length);
  }));
});

Deno.test("only the one base64 text of 32 bytes is taken as a key", () => {
  const text = toBase64(new Uint8Array(32).fill(0xff));
  assert.ok(fromBase64(text, 32));
  const wrong = [
    "",
    text.slice(0, -1),
    `${text}=`,
    ` ${text.slice(1)}`,
    `${text}\n`,
    text.replace("8=", "9="),
    text.replaceAll("/", "_"),
    text.slice(0, 43) + "A",
    "é".repeat(44),
  ];
  for (const each of wrong) assert.equal(fromBase64(each, 32), undefined, each);
});

Deno.test("a text one character off is base64 just when encoding its bytes gives it back", () => {
  const target = new Uint8Array(100);
  const character = fc.constantFrom(..."AQgw/8+=_ \né");
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(bytes, fc.nat(60), character, (original, at, other) => {
      const whole = toBase64(original);
      const text = whole.slice(0, at) + other + whole.slice(at + 1);
      const canonical = Buffer.from(text, "base64").toString("base64") === text;
      const expected = canonical ? Uint8Array.from(Buffer.from(text, "base64")) : undefined;
      const length = expected?.length ?? original.length;
      assert.deepEqual(fromBase64(text, length), expected);
      assert.deepEqual(fromBase64(text, length, target), expected);
    }),
    { numRuns: 1_000 },
  );
});
