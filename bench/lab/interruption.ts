/**
 * An interrupted benchmark stops the servers that it has started before it ends.
 *
 * @module
 */

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What a benchmark fails with when it is interrupted. */
export class Interrupted extends Error {
  /** Makes it. */
  constructor() {
    super("interrupted");
  }
}

/** Lets what is worked on fail when the process is told to end, instead of ending it at once. */
export class Interruption implements Disposable {
  readonly #told = Promise.withResolvers<never>();
  readonly #listener = () => this.#told.reject(new Interrupted());

  /** Begins to listen. */
  constructor() {
    this.#told.promise.catch(() => {});
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#listener);
  }

  /** What the work comes to, or {@linkcode Interrupted}. */
  over<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#told.promise]);
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#listener);
  }
}
