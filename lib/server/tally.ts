/**
 * How many there are of each.
 *
 * @module
 */

/** Counts by name; what is not there is not remembered. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /** How many there are of `name`. */
  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** One more of `name`. */
  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  /** One less of `name`. */
  remove(name: string): void {
    const left = this.of(name) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
  }
}
