/**
 * How texts are cut out of files and streams.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { splitLines } from "../../cli/message_source.ts";

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(text: string | Uint8Array, size: number): Promise<string[]> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const lines: string[] = [];
  for await (const some of splitLines(chunksOf(bytes, size))) lines.push(...some);
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

Deno.test("what is not UTF-8 is an error, not another text", async () => {
  await assert.rejects(linesOf(Uint8Array.of(65, 0xff, 10), 10), TypeError);
  await assert.rejects(linesOf(Uint8Array.of(65, 0xe2), 10), TypeError);
});
