/** Tests of `lib/wire/text_arguments.ts`. @module */
import assert from "node:assert/strict";
import {
  malformed,
  nameAndOption,
  named,
  problemOf,
  words,
} from "../../lib/wire/text_arguments.ts";

Deno.test("words are cut at single spaces, and the last takes the rest", () => {
  assert.deepEqual(words("a b c d", 3), ["a", "b", "c d"]);
  assert.deepEqual(words("a", 1), ["a"]);
  assert.deepEqual(words("a b  ", 2), ["a", "b  "]);
  for (const text of ["", "a", "a b", "a b ", " a b", "a  b"]) {
    assert.equal(words(text, 3), undefined, text);
  }
});

Deno.test("an option is what follows the name's space, empty when the space is the last", () => {
  assert.deepEqual(nameAndOption("a"), ["a", undefined]);
  assert.deepEqual(nameAndOption("a "), ["a", ""]);
  assert.deepEqual(nameAndOption("a b c"), ["a", "b c"]);
  assert.deepEqual(nameAndOption(""), ["", undefined]);
});

Deno.test("the first bad name is named by what it is", () => {
  assert.equal(problemOf(["one", "a"], ["two", "b"]), undefined);
  assert.equal(problemOf(["one", "a"], ["two", ""], ["three", " "]), "two is empty");
});

Deno.test("no command is made of a missing or bad name", () => {
  const make = (queue: string) => ({ kind: "fetch", queue }) as const;
  assert.deepEqual(named("q", "queue name", make), { kind: "fetch", queue: "q" });
  assert.deepEqual(named("", "queue name", make), malformed("Missing queue name"));
  assert.deepEqual(
    named("a b", "queue name", make),
    malformed("Error: queue name has a space or control character"),
  );
});
