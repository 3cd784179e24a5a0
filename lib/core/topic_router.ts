/**
 * Routes to the queues that are bound with a pattern that the key of the message matches.
 *
 * @module
 */
import type { Router } from "./router.ts";
import { PatternNode, topicWords } from "./topic_pattern.ts";
import { WordPlaces } from "./word_places.ts";

/**
 * The patterns of a topic exchange in one tree, so that beginnings they share are looked at once. A
 * route comes to each place of the tree at most once, with all the ways of reading the key so far:
 * no choice of patterns and keys makes it longer than the tree.
 */
export class TopicRouter implements Router {
  readonly #root = new PatternNode();
  readonly #key = new WordPlaces();
  #steps = 0;

  /**
   * How many places of the tree and ways out of them all routes so far looked at: what they cost, in
   * a unit that is the same on every machine.
   */
  get steps(): number {
    return this.#steps;
  }

  /** Adds a binding. */
  add(queue: string, pattern: string): void {
    this.#root.add(queue, topicWords(pattern));
  }

  /** Removes a binding. */
  remove(queue: string, pattern: string): void {
    this.#root.remove(queue, topicWords(pattern));
  }

  /** The queues bound with a pattern that `routingKey` matches. */
  route(routingKey: string): ReadonlySet<string> {
    const found: ReadonlySet<string>[] = [];
    this.#key.read(topicWords(routingKey));
    this.#visit(this.#root, 0, this.#key, found);
    return unionOf(found);
  }

  /** Collects what `node`, which is `row` words into its patterns, and the tree behind it give. */
  #visit(node: PatternNode, row: number, key: WordPlaces, found: ReadonlySet<string>[]): void {
    this.#steps++;
    if (node.queues !== undefined && key.reachesEnd(row)) found.push(node.queues);
    if (node.next !== undefined && key.literal(row, node.word!)) {
      this.#visit(node.next, row + 1, key, found);
    }
    if (node.others !== undefined) this.#visitOthers(node.others, row, key, found);
    if (node.oneWord !== undefined && key.anyWord(row)) {
      this.#visit(node.oneWord, row + 1, key, found);
    }
    if (node.anyWords !== undefined) {
      key.anyWords(row);
      this.#visit(node.anyWords, row + 1, key, found);
    }
  }

  #visitOthers(
    others: ReadonlyMap<string, PatternNode>,
    row: number,
    key: WordPlaces,
    found: ReadonlySet<string>[],
  ): void {
    // Either can be looked up in the other; the shorter list is gone through.
    if (others.size < key.words.length) {
      this.#steps += others.size;
      for (const [word, next] of others) {
        if (key.literal(row, word)) this.#visit(next, row + 1, key, found);
      }
      return;
    }
    this.#steps += key.words.length;
    for (let index = 0; index < key.words.length; index++) {
      if (!key.known(row, index)) continue;
      const next = others.get(key.words[index]!);
      if (next !== undefined) this.#visit(next, row + 1, key, found);
    }
  }
}

function unionOf(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  if (sets.length === 1) return sets[0]!;
  const union = new Set<string>();
  for (const set of sets) {
    for (const queue of set) union.add(queue);
  }
  return union;
}
