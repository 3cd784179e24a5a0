/**
 * What a task is told on its command line.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { messageOf } from "../../lib/base/errors.ts";

/** One option of a task. */
export interface TaskOption<T> {
  /** What stands behind its name in the usage; empty for one that is given without a value. */
  readonly sign: string;
  /** Its value, from all that was given under its name. Throws for what makes no sense. */
  readonly read: (name: string, given: readonly string[]) => T;
}

/** The options of a task by their names. */
export type TaskOptions<T> = { readonly [Name in keyof T]: TaskOption<T[Name]> };

/** `--name`, or not. */
export const FLAG: TaskOption<boolean> = { sign: "", read: (_, given) => given.length > 0 };

/** `--name VALUE`, or nothing. */
export function text(sign: string): TaskOption<string | undefined> {
  return { sign, read: (_, given) => given.at(-1) };
}

/** `--name N`: a whole number from `least` on, or else the default. */
export function wholeNumber(otherwise: number, least = 1): TaskOption<number> {
  return {
    sign: "N",
    read: (name, given) => {
      const last = given.at(-1);
      return last === undefined ? otherwise : readWholeNumber(name, last, least);
    },
  };
}

/** `--name NAME`, as often as one likes: some of the names, or else all. */
export function someOf(names: readonly string[]): TaskOption<readonly string[]> {
  return {
    sign: names.join("|"),
    read: (name, given) => {
      const unknown = given.find((one) => !names.includes(one));
      if (unknown === undefined) return given.length === 0 ? names : given;
      throw new RangeError(`--${name} ${unknown}: there is none of this name`);
    },
  };
}

/** A number as it was written behind `--name`. Throws unless it is a whole one from `least` on. */
export function readWholeNumber(name: string, written: string, least = 1): number {
  const number = Number(written);
  if (/^\d+$/.test(written) && Number.isSafeInteger(number) && number >= least) return number;
  throw new RangeError(`--${name} ${written}: expected a whole number from ${least} on`);
}

/** Reads the command line of `deno task`; ends the process with its usage if it is wrong. */
export function readTaskOptions<T extends object>(task: string, options: TaskOptions<T>): T {
  const entries = Object.entries<TaskOption<unknown>>(options);
  const usage = entries.map(([name, { sign }]) => `[--${name}${sign && ` ${sign}`}]`);
  return orUsage(`usage: deno task ${task} ${usage.join(" ")}`, () => {
    const forms = entries.map(([name, { sign }]) => {
      return [name, { type: sign === "" ? "boolean" : "string", multiple: true }] as const;
    });
    const { values } = parseArgs({ args: [...Deno.args], options: Object.fromEntries(forms) });
    const read = entries.map(([name, option]) => {
      return [name, option.read(name, (values[name] ?? []).map(String))];
    });
    return Object.fromEntries(read) as T;
  });
}

/** What `read` gives; if it throws, the process says why, and its usage, and ends with exit code 2. */
export function orUsage<T>(usage: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error(`${messageOf(error)}\n${usage}`);
    Deno.exit(2);
  }
}
