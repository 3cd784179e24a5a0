/**
 * Topic patterns, as in AMQP 0-9-1 (section 3.1.3.3): a pattern and a routing key are words split by
 * `.`, where `*` stands for exactly one word of the key and `#` for any number of them, none included,
 * anywhere and as often as one likes. Case matters.
 *
 * Every name is a valid pattern. `*` and `#` are special only where they are a whole word: `a*` and
 * `##` stand for themselves, and so do `*` and `#` in the key of a message. Words may be empty: `a..b`
 * has three, and `.` has two, of which each is matched by `*` like any other.
 *
 * @module
 */
import { assert } from "../base/assert.ts";

/** Stands for one word. */
const ONE_WORD = "*";
/** Stands for any number of words. */
const ANY_WORDS = "#";

/** The words of a pattern or of a routing key; at least one. */
export function topicWords(text: string): string[] {
  return text.split(".");
}

/** A place in a tree of patterns: the patterns that begin with the words that lead to it. */
export class PatternNode {
  /** The queues bound with the pattern that ends here, if there are any. */
  queues: Set<string> | undefined = undefined;
  /** Where `*` leads. */
  oneWord: PatternNode | undefined = undefined;
  /** Where `#` leads. */
  anyWords: PatternNode | undefined = undefined;
  /** A literal word that leads on, and where; most nodes have no other, and need no map. */
  word: string | undefined = undefined;
  /** Where `word` leads. */
  next: PatternNode | undefined = undefined;
  /** Where other literal words lead, if there are any. */
  others: Map<string, PatternNode> | undefined = undefined;

  /** Adds `queue` to the end of the pattern that continues with `words` from the word `at` on. */
  add(queue: string, words: readonly string[], at = 0): void {
    const word = words[at];
    if (word !== undefined) return this.#grow(word).add(queue, words, at + 1);
    if (this.queues === undefined) this.queues = new Set([queue]);
    else this.queues.add(queue);
  }

  /** Undoes an `add`, and cuts off what leads to no queue any more. */
  remove(queue: string, words: readonly string[], at = 0): void {
    const word = words[at];
    if (word === undefined) {
      this.queues?.delete(queue);
      if (this.queues?.size === 0) this.queues = undefined;
      return;
    }
    const next = this.#after(word);
    assert(next !== undefined, "a pattern that is removed was added");
    next.remove(queue, words, at + 1);
    if (next.#empty) this.#cut(word);
  }

  get #empty(): boolean {
    return this.queues === undefined && this.oneWord === undefined &&
      this.anyWords === undefined && this.next === undefined && this.others === undefined;
  }

  #after(word: string): PatternNode | undefined {
    if (word === ONE_WORD) return this.oneWord;
    if (word === ANY_WORDS) return this.anyWords;
    return word === this.word ? this.next : this.others?.get(word);
  }

  #grow(word: string): PatternNode {
    const known = this.#after(word);
    if (known !== undefined) return known;
    const grown = new PatternNode();
    if (word === ONE_WORD) this.oneWord = grown;
    else if (word === ANY_WORDS) this.anyWords = grown;
    else this.#growLiteral(word, grown);
    return grown;
  }

  #growLiteral(word: string, grown: PatternNode): void {
    if (this.next === undefined) {
      this.word = word;
      this.next = grown;
    } else (this.others ??= new Map()).set(word, grown);
  }

  #cut(word: string): void {
    if (word === ONE_WORD) this.oneWord = undefined;
    else if (word === ANY_WORDS) this.anyWords = undefined;
    else if (word === this.word) this.word = this.next = undefined;
    else this.others?.delete(word);
    if (this.others?.size === 0) this.others = undefined;
  }
}
