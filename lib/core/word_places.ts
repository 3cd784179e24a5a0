/**
 * How far into a routing key the words of a pattern can lead: sets of places, one bit for each.
 *
 * @module
 */

/** Bits of one element of an `Int32Array`. */
const LANE_BITS = 32;
/** Elements that there is room for at first: enough for most keys and patterns. */
const FIRST_ROOM = 16;

/**
 * Place n of a key is behind its first n words. Row d has the places that d words of a pattern lead
 * to, so that one step takes all of them further at once, however many ways led to them. Its memory
 * is used for one key after the other.
 */
export class WordPlaces {
  /** The different words of the key. */
  readonly words: string[] = [];
  readonly #numbers = new Map<string, number>();
  #end = 0;
  #lanes = 1;
  /** The places that have any word next, then for each different word those that have it next. */
  #before: Int32Array = new Int32Array(FIRST_ROOM);
  #rows: Int32Array = new Int32Array(FIRST_ROOM);

  /** Turns to the key that has these words; row 0 is its beginning. */
  read(words: readonly string[]): void {
    this.#end = words.length;
    this.#lanes = Math.floor(words.length / LANE_BITS) + 1;
    this.#before = withRoom(this.#before, (words.length + 1) * this.#lanes).fill(0);
    this.#numbers.clear();
    this.words.length = 0;
    for (let place = 0; place < words.length; place++) this.#mark(words[place]!, place);
    this.#rows.fill(0, 0, this.#lanes);
    this.#rows[0] = 1;
  }

  /** Fills the row after `row` for a pattern's literal word; false when it leads nowhere. */
  literal(row: number, word: string): boolean {
    const number = this.#numbers.get(word);
    return number !== undefined && this.#advance(row, number);
  }

  /** Like `literal` for the word at `index` of `words`. */
  known(row: number, index: number): boolean {
    return this.#advance(row, index + 1);
  }

  /** Fills the row after `row` for exactly one word, whichever; false when it leads nowhere. */
  anyWord(row: number): boolean {
    return this.#advance(row, 0);
  }

  /** Fills the row after `row` for any number of words: from its first place on. */
  anyWords(row: number): void {
    const lanes = this.#lanes;
    const to = (row + 1) * lanes;
    this.#rows = withRoom(this.#rows, to + lanes);
    let begun = false;
    for (let lane = 0; lane < lanes; lane++) {
      const here = this.#rows[row * lanes + lane]!;
      // The lowest bit and all above it. Those beyond the end have no word next and are not asked for.
      this.#rows[to + lane] = begun ? -1 : here | -here;
      begun ||= here !== 0;
    }
  }

  /** Whether the end of the key is in `row`. */
  reachesEnd(row: number): boolean {
    const lane = this.#rows[row * this.#lanes + this.#lanes - 1]!;
    return (lane >>> (this.#end % LANE_BITS) & 1) === 1;
  }

  #mark(word: string, place: number): void {
    let number = this.#numbers.get(word);
    if (number === undefined) {
      number = this.words.push(word);
      this.#numbers.set(word, number);
    }
    const lane = Math.floor(place / LANE_BITS);
    const bit = 1 << (place % LANE_BITS);
    this.#before[lane]! |= bit;
    this.#before[number * this.#lanes + lane]! |= bit;
  }

  #advance(row: number, number: number): boolean {
    const lanes = this.#lanes;
    const from = row * lanes;
    const to = from + lanes;
    if (to + lanes > this.#rows.length) this.#rows = withRoom(this.#rows, to + lanes);
    const rows = this.#rows;
    const before = this.#before;
    let carry = 0;
    let some = 0;
    for (let lane = 0; lane < lanes; lane++) {
      const here = rows[from + lane]! & before[number * lanes + lane]!;
      rows[to + lane] = here << 1 | carry;
      carry = here >>> (LANE_BITS - 1);
      some |= here;
    }
    return some !== 0;
  }
}

/** `bits`, or a longer copy when they are fewer than `length`. */
function withRoom(bits: Int32Array, length: number): Int32Array {
  if (length <= bits.length) return bits;
  const longer = new Int32Array(Math.max(length, 2 * bits.length));
  longer.set(bits);
  return longer;
}
