/**
 * Counts work instead of looking at a clock: the characters and bytes that are parsed, decoded,
 * copied and encoded. What is linear in its input stays below a few times its length, however the
 * input was cut.
 *
 * @module
 */

type Method = (this: unknown, ...args: never[]) => unknown;

/** Bytes and characters worked on since it was made; to be disposed of. */
export class WorkMeter implements Disposable {
  /** How much was worked on. */
  work = 0;
  /** How many calls there were. */
  calls = 0;
  readonly #restore: (() => void)[] = [];

  /** Begins to count. */
  constructor() {
    this.#count(JSON, "parse", ([text]) => lengthOf(text));
    this.#count(TextDecoder.prototype, "decode", ([bytes]) => lengthOf(bytes));
    this.#count(TextEncoder.prototype, "encode", ([text]) => lengthOf(text));
    this.#count(TextEncoder.prototype, "encodeInto", ([text]) => lengthOf(text));
    this.#count(Uint8Array.prototype, "set", ([bytes]) => lengthOf(bytes));
    this.#count(String.prototype, "split", (_, text) => lengthOf(text));
  }

  /** Forgets what was counted. */
  reset(): void {
    this.work = this.calls = 0;
  }

  /** Puts everything back. */
  [Symbol.dispose](): void {
    for (const restore of this.#restore) restore();
  }

  #count<Of extends object>(
    of: Of,
    name: string,
    cost: (args: readonly unknown[], self: unknown) => number,
  ): void {
    const found = Object.getOwnPropertyDescriptor(of, name) ??
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(of), name);
    const original = found!.value as Method;
    const add = (args: readonly unknown[], self: unknown) => {
      this.calls++;
      this.work += cost(args, self);
    };
    const counting = function (this: unknown, ...args: never[]): unknown {
      add(args, this);
      return original.apply(this, args);
    };
    const hadOwn = Object.hasOwn(of, name);
    Object.defineProperty(of, name, { ...found, value: counting });
    this.#restore.push(() => {
      if (hadOwn) Object.defineProperty(of, name, found!);
      else delete (of as Record<string, unknown>)[name];
    });
  }
}

function lengthOf(value: unknown): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 0;
}
