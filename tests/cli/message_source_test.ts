/**
 * How texts are cut out of files and streams.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CipherMqError } from "../../lib/base/errors.ts";
import { messageSource, splitLines } from "../../cli/message_source.ts";

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(text: string | Uint8Array, size: number): Promise<string[]> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const lines: string[] = [];
  for await (const some of splitLines(chunksOf(bytes, size), "x")) lines.push(...some);
  return lines;
}

Deno.test("lines do not depend on how the stream was cut, and the last needs no end", async () => {
  const texts = fc.array(
    fc.string({ unit: "grapheme" }).filter((line) => !/[\r\n]/.test(line)),
  );
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 20 }), async (lines, size) => {
      assert.deepEqual(await linesOf(lines.map((line) => `${line}\n`).join(""), size), lines);
    }),
    { numRuns: 60 },
  );
  for (const size of [1, 2, 100]) {
    assert.deepEqual(await linesOf("a\r\n\n☃", size), ["a", "", "☃"]);
  }
});

/** The lines before the error, and the error. */
async function failure(text: Uint8Array, size: number): Promise<[string[], CipherMqError]> {
  const lines: string[] = [];
  try {
    for await (const some of splitLines(chunksOf(text, size), "x")) lines.push(...some);
  } catch (error) {
    assert(error instanceof CipherMqError);
    return [lines, error];
  }
  throw new Error("it was accepted");
}

Deno.test("a line that is not UTF-8 is told by its number, after all lines before it", async () => {
  const bytes = (...parts: (string | number)[]) =>
    Uint8Array.from(
      parts.flatMap((part) =>
        typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]
      ),
    );
  for (const text of [bytes("a\r\n\nA", 0xff, "\nb\n"), bytes("a\n\nA", 0xe2)]) {
    for (const size of [1, 2, 3, 100]) {
      const [lines, { code, message, hint }] = await failure(text, size);
      assert.deepEqual(lines, ["a", ""]);
      assert.deepEqual([code, message], ["usage", "cannot send line 3 of x: it is not UTF-8 text"]);
      assert.match(hint ?? "", /tail -n \+3/);
    }
  }
});

Deno.test("a line without an end is told by its number and the most bytes that it may have", async () => {
  const text = new Uint8Array(7 * 1024 * 1024).fill(120);
  text.set([97, 10]);
  const [lines, { message }] = await failure(text, 65_536);
  assert.deepEqual(lines, ["a"]);
  assert.equal(
    message,
    "cannot send line 2 of x: it is longer than 6291156 bytes, the most that can be sent",
  );
});

Deno.test("a folder is no source, and is told before anything is connected", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assert.throws(() => messageSource({ messages: [], file: folder }), {
      code: "usage",
      message: `cannot read messages from ${folder}: it is a folder`,
    });
  } finally {
    Deno.removeSync(folder);
  }
});
