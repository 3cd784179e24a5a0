/** Tests of `lib/wire/line_framer.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Line, LineFramer, LineLimitError } from "../../lib/wire/line_framer.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** What a framer says to a stream: its lines, and whether it gave up. */
interface Outcome {
  readonly lines: readonly Line[];
  readonly tooLong: boolean;
}

function frame(chunks: Iterable<Uint8Array>, maxLineBytes: number): Outcome {
  const framer = new LineFramer({ maxLineBytes });
  const lines: Line[] = [];
  try {
    for (const chunk of chunks) {
      lines.push(...framer.push(chunk));
      // The caller may reuse its memory.
      chunk.fill(0);
      assert.ok(framer.partialBytes <= maxLineBytes + 1);
    }
  } catch (error) {
    assert.ok(error instanceof LineLimitError && error.code === "limit");
    lines.push(...error.lines);
    return { lines, tooLong: true };
  }
  return { lines, tooLong: false };
}

/** The same, in the simplest way there is. */
function reference(bytes: Uint8Array, maxLineBytes: number): Outcome {
  const lines: Line[] = [];
  let line: number[] = [];
  for (const byte of bytes) {
    if (byte !== 10) {
      line.push(byte);
      continue;
    }
    if (line.at(-1) === 13) line.pop();
    if (line.length > maxLineBytes) return { lines, tooLong: true };
    lines.push(decode(line));
    line = [];
  }
  const mayEnd = line.at(-1) === 13 ? line.length - 1 : line.length;
  return { lines, tooLong: mayEnd > maxLineBytes };
}

function decode(line: number[]): Line {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(Uint8Array.from(line));
  } catch {
    return undefined;
  }
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let start = 0;
  for (let i = 0; start < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.slice(start, start + size);
    start += size;
  }
}

const TRICKY = encode("\uFEFFa\r\nb\n\n\r\n\r\r\né€😀\n\uFFFD\nnul\0nul\nc\rd\nend");

Deno.test("the lines are the same whatever the chunks", () => {
  const expected = ["\uFEFFa", "b", "", "", "\r", "é€😀", "\uFFFD", "nul\0nul", "c\rd"];
  for (let first = 0; first <= TRICKY.length; first++) {
    for (let second = first; second <= TRICKY.length; second++) {
      const chunks = [
        TRICKY.slice(0, first),
        TRICKY.slice(first, second),
        TRICKY.slice(second),
      ];
      assert.deepEqual(frame(chunks, 100), { lines: expected, tooLong: false });
    }
  }
  assert.deepEqual(frame(cut(TRICKY, [1]), 100).lines, expected);
});

Deno.test("a framer agrees with a naive splitter on any bytes, cut anywhere, at any limit", () => {
  const byte = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(10, 13, 97, 98) },
    { weight: 1, arbitrary: fc.constantFrom(0, 0x80, 0xc3, 0xa9, 0xe2, 0xef, 0xbf, 0xbd, 0xff) },
  );
  const bytes = fc.array(byte, { maxLength: 60 }).map((list) => Uint8Array.from(list));
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(bytes, sizes, fc.integer({ min: 1, max: 30 }), (bytes, sizes, limit) => {
      assert.deepEqual(frame(cut(bytes, sizes), limit), reference(bytes, limit));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a line of just the limit passes, one byte more fails, with either line end", () => {
  for (const end of ["\n", "\r\n"]) {
    for (const size of [1, 2, 3, 7, 8, 9, 10, 1000]) {
      const fits = encode(`ok\n${"x".repeat(8)}${end}`);
      const exceeds = encode(`ok\n${"x".repeat(9)}${end}`);
      const lines = ["ok", "x".repeat(8)];
      assert.deepEqual(frame(cut(fits, [size]), 8), { lines, tooLong: false });
      assert.deepEqual(frame(cut(exceeds, [size]), 8), { lines: ["ok"], tooLong: true });
    }
  }
});

Deno.test("a line is refused when it is known to be too long, not when it ends", () => {
  const framer = new LineFramer({ maxLineBytes: 8 });
  framer.push(encode("12345678"));
  // One more could be the carriage return of the line end.
  framer.push(encode("\r"));
  assert.equal(framer.partialBytes, 9);
  assert.throws(() => framer.push(encode("x")), LineLimitError);
  assert.equal(framer.partialBytes, 0);
});

Deno.test("a framer that gave up stays so", () => {
  const framer = new LineFramer({ maxLineBytes: 8 });
  assert.throws(() => framer.push(encode("123456789")), LineLimitError);
  assert.throws(() => framer.push(encode("ok\n")), (error: LineLimitError) => {
    return error.code === "limit" && error.lines.length === 0;
  });
});

Deno.test("one line that is not UTF-8 does not spoil its neighbours", () => {
  const bytes = Uint8Array.of(97, 10, 0xc3, 10, 0xa9, 10, 0xef, 0xbf, 0xbd, 10, 98, 10);
  assert.deepEqual(frame([bytes], 100).lines, ["a", undefined, undefined, "\uFFFD", "b"]);
  // Overlong, surrogate, and beyond the last code point.
  for (const bad of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    assert.deepEqual(frame([Uint8Array.from([...bad, 10])], 100).lines, [undefined]);
  }
});

Deno.test("a giant line costs time in proportion to its length, in small chunks too", () => {
  const size = 4 * 1024 * 1024;
  const framer = new LineFramer({ maxLineBytes: size });
  const byte = Uint8Array.of(120);
  const started = performance.now();
  for (let i = 0; i < size; i++) framer.push(byte);
  const [line] = framer.push(Uint8Array.of(10));
  // Quadratic work would be 8 TiB of copying.
  assert.ok(performance.now() - started < 20_000);
  assert.equal(line?.length, size);
});

Deno.test("bytes without a newline are held up to the limit and no further", () => {
  const limit = 1024 * 1024;
  const framer = new LineFramer({ maxLineBytes: limit });
  const chunk = new Uint8Array(65_536).fill(120);
  for (let held = 0; held < limit; held += chunk.length) framer.push(chunk);
  assert.equal(framer.partialBytes, limit);
  assert.throws(() => framer.push(chunk), LineLimitError);
  assert.equal(framer.partialBytes, 0);
});
