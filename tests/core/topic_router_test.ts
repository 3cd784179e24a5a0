/**
 * Routing by patterns: what they match, and that no pattern makes it slow.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { TopicRouter } from "../../lib/core/topic_router.ts";
import { matchesTopic } from "../support/topic_rule.ts";

function routerOf(patterns: readonly string[]): TopicRouter {
  const router = new TopicRouter();
  for (const pattern of patterns) router.add(pattern, pattern);
  return router;
}

/** What one route costs. */
function stepsFor(router: TopicRouter, key: string): number {
  const before = router.steps;
  router.route(key);
  return router.steps - before;
}

/** Patterns, keys that match them, and keys that do not. */
const MEANING: readonly [pattern: string, matches: string[], others: string[]][] = [
  ["a.b", ["a.b"], ["a", "a.b.c", "A.b", "a.c", "b.a", "a.b."]],
  ["*", ["a", "*", "#"], ["a.b", ".", "a."]],
  ["*.b", ["a.b", ".b", "*.b"], ["b", "a.a.b", "a.c"]],
  ["a.*.c", ["a.b.c", "a..c"], ["a.c", "a.b.b.c"]],
  ["#", ["a", "a.b", ".", "a..b", "#"], []],
  ["a.#", ["a", "a.b", "a.b.c", "a."], ["b", "b.a", "ab"]],
  ["#.c", ["c", "b.c", "a.b.c", ".c", "c.c"], ["c.a", "bc"]],
  ["a.#.c", ["a.c", "a.b.c", "a..c", "a.c.c", "a.c.a.c"], ["a", "c", "a.c.b"]],
  ["#.b.#", ["b", "a.b", "b.a", "a.b.c", "b.b"], ["a", "a.c", "ab"]],
  ["#.#", ["a", "a.b", "."], []],
  ["#.*", ["a", "a.b", "."], []],
  ["*.#", ["a", "a.b", "."], []],
  ["*.#.*", ["a.b", "a.b.c", "."], ["a"]],
  ["#.*.#.*.#", ["a.b", "a.b.c"], ["a"]],
  ["#.a.#.a", ["a.a", "a.b.a", "b.a.a"], ["a", "a.a.b"]],
  [".", ["."], ["a", "..", "a."]],
  ["a..b", ["a..b"], ["a.b", "a.x.b"]],
  ["*.*", [".", "a.", ".a", "a.b"], ["a", ".."]],
];

Deno.test("a key matches a pattern as AMQP 0-9-1 says, words that are empty included", () => {
  for (const [pattern, matches, others] of MEANING) {
    const router = routerOf([pattern]);
    for (const key of matches) assert.equal(router.route(key).size, 1, `${pattern} takes ${key}`);
    for (const key of others) assert.equal(router.route(key).size, 0, `${pattern} takes no ${key}`);
    for (const key of matches) assert(matchesTopic(pattern, key), `rule: ${pattern} takes ${key}`);
    for (const key of others) {
      assert(!matchesTopic(pattern, key), `rule: ${pattern} takes no ${key}`);
    }
  }
});

Deno.test("every name is a pattern: stars and hashes that are part of a word stand for themselves", () => {
  const literal = ["a*", "*a", "**", "##", "#a", "a.b#", "*#", "a*b.c"];
  const router = routerOf(literal);
  for (const name of literal) assert.deepEqual([...router.route(name)], [name]);
  for (const key of ["a", "aa", "ab", "a.b", "a.b.c", "*", "#", "axb.c"]) {
    assert.equal(router.route(key).size, 0, key);
  }
});

Deno.test("stars and hashes in the key of a message are words like any other", () => {
  const router = routerOf(["a.b", "a.*", "a.#", "*.*", "#.x"]);
  assert.deepEqual([...router.route("a.*")].toSorted(), ["*.*", "a.#", "a.*"]);
  assert.deepEqual([...router.route("#")], []);
});

Deno.test("a queue that several patterns lead to is given once, and stays until the last is removed", () => {
  const router = new TopicRouter();
  const patterns = ["a.b", "a.*", "#", "#.#", "#.b"];
  for (const pattern of patterns) router.add("q", pattern);
  router.add("other", "a.*");
  for (const pattern of patterns) {
    assert.deepEqual([...router.route("a.b")].toSorted(), ["other", "q"], pattern);
    router.remove("q", pattern);
  }
  assert.deepEqual([...router.route("a.b")], ["other"]);
});

const words = ["a", "b", "", "*", "#", "#"];
const patterns = fc.uniqueArray(
  fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 }).map((some) => some.join(".")),
  { maxLength: 10 },
);
const keys = fc.array(
  fc.array(fc.constantFrom("a", "b", ""), { minLength: 1, maxLength: 70 }).map((some) =>
    some.join(".")
  ),
  { minLength: 1, maxLength: 5 },
);

Deno.test("long keys find the same patterns as a naive matcher", () => {
  fc.assert(fc.property(patterns, keys, (patterns, keys) => {
    const router = routerOf(patterns);
    for (const key of keys) {
      const expected = patterns.filter((pattern) => matchesTopic(pattern, key));
      assert.deepEqual([...router.route(key)].toSorted(), expected.toSorted());
    }
  }));
});

/** Pairs of a pattern and a key of up to 255 bytes that make a matcher with back-tracking despair. */
const HOSTILE: readonly [pattern: string, key: string][] = [
  ["#.".repeat(127) + "x", "a.".repeat(127) + "a"],
  ["#.a.".repeat(63) + "x", "a.".repeat(127) + "a"],
  ["#.*.".repeat(63) + "x", "a.".repeat(127) + "a"],
  ["*.#.".repeat(63) + "x", ".".repeat(255)],
  ["#." + ".".repeat(250) + "x", ".".repeat(255)],
  ["#.a.#.b.".repeat(31) + "x", "a.b.".repeat(63) + "a"],
];

Deno.test("a pattern costs at most one step for each of its words, however a key could be read", () => {
  for (const [pattern, key] of HOSTILE) {
    assert(pattern.length <= 255 && key.length <= 255, pattern);
    const router = routerOf([pattern]);
    assert(stepsFor(router, key) <= pattern.split(".").length + 1, pattern);
    assert.equal(router.route(key).size, 0);
    assert.equal(router.route(`${key.slice(0, -1)}x`).size, 1, pattern);
  }
});

Deno.test("patterns that share their beginning cost its steps once", () => {
  const beginning = "#.a.".repeat(50);
  const router = routerOf(Array.from({ length: 500 }, (_, n) => `${beginning}x${n}`));
  const words = beginning.split(".").length;
  assert(stepsFor(router, "a.".repeat(127) + "a") <= words + 1);
});

Deno.test("a key of many different words costs no more than the patterns there are", () => {
  const router = routerOf(["#.x", "#.y", "#.z"]);
  const key = Array.from({ length: 80 }, (_, n) => `${n}`).join(".");
  assert(stepsFor(router, key) < 5);
});

Deno.test("patterns whose first word differs from the key's cost nothing, be they 10,000", () => {
  const router = routerOf(Array.from({ length: 10_000 }, (_, n) => `host${n}.#.error`));
  assert(stepsFor(router, "host77.disk.error") < 10);
  assert.deepEqual([...router.route("host77.disk.error")], ["host77.#.error"]);
});

Deno.test("a pattern that was removed costs nothing any more", () => {
  const router = routerOf(["a.b.c", "#.a.#", "a.*.*"]);
  assert(stepsFor(router, "a.b.c") > 5);
  for (const pattern of ["#.a.#", "a.b.c", "a.*.*"]) router.remove(pattern, pattern);
  assert.equal(stepsFor(router, "a.b.c"), 1);
});
