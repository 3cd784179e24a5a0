/** Tests of `lib/wire/body_arena.ts`. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BodyArena } from "../../lib/wire/body_arena.ts";
import { utf8 } from "./samples.ts";

Deno.test("bodies are right and do not overlap, whether they fit or not", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 30 }));
  fc.assert(fc.property(texts, fc.nat(200), (texts, capacity) => {
    const arena = new BodyArena(capacity);
    const bodies = texts.map((text) => arena.body(text));
    assert.deepEqual(bodies, texts.map(utf8));
  }));
});

Deno.test("bodies that fit share one buffer", () => {
  const arena = new BodyArena(10);
  const [a, b, c] = [arena.body("aaaa"), arena.body("bbbbbb"), arena.body("c")];
  assert.equal(a.buffer, b.buffer);
  assert.notEqual(b.buffer, c.buffer);
});

Deno.test("many bodies at once are the same as one after the other", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "{", "é", "😀"), maxLength: 30 }));
  fc.assert(fc.property(texts, fc.nat(200), (texts, capacity) => {
    const arena = new BodyArena(capacity);
    assert.deepEqual(arena.bodies(texts), texts.map(utf8));
    assert.deepEqual(arena.body("more"), utf8("more"));
  }));
});
