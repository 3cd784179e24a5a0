/**
 * What is noted of single messages of a lane, kept as runs of neighbours with the same note. It
 * stays as small as the number of gaps, not the number of messages.
 *
 * @module
 */

/** The messages `from` to `to`, both included, have this note. */
interface Run {
  from: number;
  to: number;
  readonly note: number;
}

/** Notes of messages by their place in the lane. A note is a small whole number. */
export class SeqRuns {
  /** In order, apart from each other, and neighbours with one note are one run. */
  readonly #runs: Run[] = [];

  /** Takes what {@linkcode SeqRuns.toString} gave, or throws a SyntaxError or TypeError. */
  static parse(text: string): SeqRuns {
    const notes = new SeqRuns();
    for (const [from, to, note] of JSON.parse(text) as [number, number, number][]) {
      if (!(from <= to && Number.isSafeInteger(from + to + note))) {
        throw new TypeError("notes of messages are not runs of whole numbers");
      }
      notes.#runs.push({ from, to, note });
    }
    return notes;
  }

  /** Whether nothing is noted. */
  get empty(): boolean {
    return this.#runs.length === 0;
  }

  /** Drops all notes. */
  clear(): void {
    this.#runs.length = 0;
  }

  /** The note of a message, if it has one. */
  get(seq: number): number | undefined {
    const run = this.#runs[this.#indexOf(seq)];
    return run !== undefined && run.from <= seq ? run.note : undefined;
  }

  /** Whether the messages from `from` to `to` all have this note. */
  covers(from: number, to: number, note: number): boolean {
    const run = this.#runs[this.#indexOf(from)];
    return run !== undefined && run.note === note && run.from <= from && to <= run.to;
  }

  /** Notes something of a message, in place of what was noted before. */
  set(seq: number, note: number): void {
    this.delete(seq);
    const index = this.#indexOf(seq);
    const before = this.#runs[index - 1];
    const after = this.#runs[index];
    const joinsBefore = before?.to === seq - 1 && before.note === note;
    const joinsAfter = after?.from === seq + 1 && after.note === note;
    if (joinsBefore && joinsAfter) {
      before.to = after.to;
      this.#runs.splice(index, 1);
    } else if (joinsBefore) before.to = seq;
    else if (joinsAfter) after.from = seq;
    else this.#runs.splice(index, 0, { from: seq, to: seq, note });
  }

  /** Drops the note of a message, if it has one. */
  delete(seq: number): void {
    const index = this.#indexOf(seq);
    const run = this.#runs[index];
    if (run === undefined || run.from > seq) return;
    if (run.from === run.to) this.#runs.splice(index, 1);
    else if (run.from === seq) run.from++;
    else if (run.to === seq) run.to--;
    else {
      this.#runs.splice(index, 0, { from: run.from, to: seq - 1, note: run.note });
      run.from = seq + 1;
    }
  }

  /** Drops the run that begins at `seq` with this note and gives the place after it, else `seq`. */
  skip(seq: number, note: number): number {
    const first = this.#runs[0];
    if (first === undefined || first.from !== seq || first.note !== note) return seq;
    this.#runs.shift();
    return first.to + 1;
  }

  /** JSON: an array of `[from, to, note]`. */
  toString(): string {
    return JSON.stringify(this.#runs.map((run) => [run.from, run.to, run.note]));
  }

  /** The index of the first run that ends at or after `seq`. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.to < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
