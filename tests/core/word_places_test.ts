/**
 * Sets of places in a routing key, compared with plain sets of numbers.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { WordPlaces } from "../../lib/core/word_places.ts";

/** The places that one word of a pattern leads to from `from`, without a bit of arithmetic. */
function after(from: ReadonlySet<number>, step: string, words: readonly string[]): Set<number> {
  if (step === "#") {
    return new Set(words.keys().filter((n) => n >= Math.min(...from))).add(words.length);
  }
  const fit = [...from].filter((n) => n < words.length && (step === "*" || words[n] === step));
  return new Set(fit.map((n) => n + 1));
}

/** Takes one step, and says whether it leads anywhere. */
function take(places: WordPlaces, row: number, step: string): boolean {
  if (step === "*") return places.anyWord(row);
  if (step !== "#") return places.literal(row, step);
  places.anyWords(row);
  return true;
}

const words = fc.array(fc.constantFrom("a", "b", ""), { minLength: 1, maxLength: 100 });
const steps = fc.array(fc.constantFrom("a", "b", "", "*", "*", "*", "#", "c"), { maxLength: 60 });

Deno.test("each step leads to the places it should, for keys of any length one after the other", () => {
  const places = new WordPlaces();
  fc.assert(
    fc.property(words, steps, (words, steps) => {
      places.read(words);
      let expected = new Set([0]);
      for (const [row, step] of steps.entries()) {
        expected = after(expected, step, words);
        assert.equal(take(places, row, step), expected.size > 0);
        if (expected.size === 0) return;
        assert.equal(places.reachesEnd(row + 1), expected.has(words.length));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("keys around the width of a number are read to their end", () => {
  for (const length of [1, 30, 31, 32, 33, 63, 64, 65, 256]) {
    const words = Array.from({ length }, (_, n) => `${n}`);
    const places = new WordPlaces();
    places.read(words);
    for (const [row, word] of words.entries()) {
      assert(!places.reachesEnd(row), `${length}`);
      assert(places.literal(row, word), `${length}`);
    }
    assert(places.reachesEnd(length), `${length}`);
    assert(!places.anyWord(length), `${length}`);
  }
});

Deno.test("a long key that follows a short one begins at its beginning only", () => {
  const places = new WordPlaces();
  places.read(["a"]);
  assert(places.literal(0, "a"));
  places.read(Array.from({ length: 34 }, () => "a"));
  assert(places.literal(0, "a"));
  assert(!places.reachesEnd(1));
});

Deno.test("the different words of a key are listed once, and each leads where its text leads", () => {
  const places = new WordPlaces();
  places.read(["x", "y"]);
  places.read(["a", "b", "a"]);
  assert.deepEqual(places.words, ["a", "b"]);
  assert(places.known(0, 0) && !places.known(0, 1));
  assert(places.known(0, 0) && places.known(1, 1) && places.known(2, 0));
  assert(places.reachesEnd(3));
  assert(!places.literal(0, "x"));
});
