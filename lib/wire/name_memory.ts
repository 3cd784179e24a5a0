/**
 * Names with memory of their own. A string cut from a received block keeps the whole block alive,
 * and names outlive the command they came in.
 *
 * @module
 */

/** The same text, sharing no memory with what it was cut from. */
export function detached(text: string): string {
  return JSON.parse(JSON.stringify(text));
}

/** Detaches names of which one comes again and again, such as the exchange of a publisher. */
export class NameMemory {
  #last = "";

  /** The same name, sharing no memory with what it was cut from. */
  keep(name: string): string {
    if (name !== this.#last) this.#last = detached(name);
    return this.#last;
  }
}
