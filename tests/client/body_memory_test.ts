/**
 * What a sender keeps its bodies in.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BodyMemory } from "../../lib/client/body_memory.ts";

Deno.test("bodies are right and stay what they are, whatever comes after them", () => {
  const encoder = new TextEncoder();
  const text = fc.tuple(fc.string({ unit: "grapheme", maxLength: 40 }), fc.nat(90))
    .map(([piece, times]) => piece.repeat(times));
  fc.assert(fc.property(fc.array(text, { maxLength: 40 }), (texts) => {
    const memory = new BodyMemory();
    const bodies = texts.map((text) => memory.body(text));
    assert.deepEqual(bodies, texts.map((text) => encoder.encode(text)));
  }));
});

Deno.test("small bodies share memory, and one keeps at most 8 KiB of it", () => {
  const memory = new BodyMemory();
  const bodies = Array.from({ length: 1_000 }, () => memory.body("x".repeat(100)));
  assert.equal(new Set(bodies.map((body) => body.buffer)).size, Math.ceil(1_000 / 81));
  for (const body of bodies) assert.ok(body.buffer.byteLength <= 8 * 1024);
  const large = memory.body("x".repeat(10_000));
  assert.equal(large.buffer.byteLength, 10_000);
});
