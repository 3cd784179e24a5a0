/**
 * What a person is told of a client's connection: once that it is away, and that it is back.
 *
 * @module
 */
import type { CipherMqError } from "../lib/base/errors.ts";
import type { Terminal } from "./terminal.ts";

/** The connection of one run. */
export class LinkNotes {
  readonly #terminal: Terminal;
  #away = false;

  /** Makes one that tells on `terminal`. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** The connection was lost, or does not come about. */
  disconnected(error: CipherMqError): void {
    if (!this.#away) this.#terminal.note(`${error.message}; trying again`);
    this.#away = true;
  }

  /** There is a connection; `purpose` is what it is for, as in "receiving as NAME". */
  connected(purpose: string): void {
    if (this.#away) this.#terminal.note("connected to the broker");
    this.#away = false;
    this.#terminal.detail(purpose);
  }
}
