/**
 * A binary heap.
 *
 * @module
 */

/** Items of which the one with the lowest rank comes first. */
export class Heap<T> {
  #items: T[] = [];
  readonly #rank: (item: T) => number;

  /** Makes an empty heap; an item's rank does not change while it is in it. */
  constructor(rank: (item: T) => number) {
    this.#rank = rank;
  }

  /** How many items there are. */
  get length(): number {
    return this.#items.length;
  }

  /** The first item, if there is one. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item. */
  push(item: T): void {
    const items = this.#items;
    const rank = this.#rank(item);
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#rank(items[parent]!) <= rank) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes the first item, if there is one. */
  pop(): T | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last);
    return top;
  }

  /** Drops the items that `wanted` does not want. */
  retain(wanted: (item: T) => boolean): void {
    const items = this.#items.filter(wanted);
    this.#items = [];
    for (const item of items) this.push(item);
  }

  /** All items, in no order. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }

  #sink(item: T): void {
    const items = this.#items;
    const rank = this.#rank(item);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (
        child + 1 < items.length && this.#rank(items[child + 1]!) < this.#rank(items[child]!)
      ) child++;
      if (this.#rank(items[child]!) >= rank) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
