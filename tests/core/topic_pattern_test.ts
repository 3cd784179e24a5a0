/**
 * The tree that topic patterns are kept in.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PatternNode, topicWords } from "../../lib/core/topic_pattern.ts";

function treeOf(...patterns: string[]): PatternNode {
  const root = new PatternNode();
  for (const pattern of patterns) root.add(`queue of ${pattern}`, topicWords(pattern));
  return root;
}

Deno.test("words are split by dots, and each end and each gap is a word, be it empty", () => {
  assert.deepEqual(topicWords("a.bc.d"), ["a", "bc", "d"]);
  assert.deepEqual(topicWords("a..b"), ["a", "", "b"]);
  assert.deepEqual(topicWords("."), ["", ""]);
  assert.deepEqual(topicWords("a."), ["a", ""]);
  assert.deepEqual(topicWords("a"), ["a"]);
});

Deno.test("patterns share the nodes of the beginning they have in common", () => {
  const root = treeOf("a.b", "a.c", "a.*", "a.#");
  assert.equal(root.word, "a");
  assert.equal(root.others, undefined);
  const { word, others, oneWord, anyWords } = root.next!;
  assert.equal(word, "b");
  assert.deepEqual([...others!.keys()], ["c"]);
  assert.deepEqual([...oneWord!.queues!], ["queue of a.*"]);
  assert.deepEqual([...anyWords!.queues!], ["queue of a.#"]);
});

Deno.test("removing a pattern leaves what others need: of the same node, before it and behind it", () => {
  const root = treeOf("a.b.c", "a.b", "a.b.#", "a.x.c");
  root.add("other", topicWords("a.b"));
  root.remove("queue of a.b", topicWords("a.b"));
  const expected = treeOf("a.b.c", "a.b.#", "a.x.c");
  expected.add("other", topicWords("a.b"));
  assert.deepEqual(root, expected);
});

const word = fc.constantFrom("a", "b", "c", "", "*", "#", "a*");
const pattern = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join("."));

Deno.test("a tree has no more nodes than its patterns need, whatever was removed in which order", () => {
  const patterns = fc.uniqueArray(pattern, { maxLength: 12 });
  fc.assert(fc.property(patterns, fc.array(fc.boolean()), (patterns, keep) => {
    const root = treeOf(...patterns);
    const kept = patterns.filter((_, index) => keep[index]);
    for (const gone of patterns.filter((_, index) => !keep[index])) {
      root.remove(`queue of ${gone}`, topicWords(gone));
    }
    assert.equal(nodesOf(root), nodesOf(treeOf(...kept)));
    for (const one of kept) root.remove(`queue of ${one}`, topicWords(one));
    assert.deepEqual(root, new PatternNode());
  }));
});

function nodesOf(node: PatternNode): number {
  const behind = [node.oneWord, node.anyWords, node.next, ...node.others?.values() ?? []];
  return behind.reduce((sum, next) => next === undefined ? sum : sum + nodesOf(next), 1);
}
