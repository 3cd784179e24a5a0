/**
 * The arguments of a command line: words and names.
 *
 * @module
 */
import { CipherMqError } from "../base/errors.ts";
import { nameProblem } from "../base/names.ts";
import type { Command, Malformed } from "./command.ts";
import { detached } from "./name_memory.ts";

/** What becomes of a line. */
export type Decoded = Command | Malformed;

/** An argument, and what it is called in a reply. */
export type NamedArgument = readonly [what: string, name: string];

/** A line that gets `reply`. */
export function malformed(reply: string): Malformed {
  return { kind: "malformed", reply };
}

/** What to throw for arguments that make no sense: the line gets `Error: <why>`. */
export function refused(why: string): CipherMqError {
  return new CipherMqError("usage", why);
}

/** The words before the first `count - 1` spaces, and the rest; nothing if one is missing or empty. */
export function words(text: string, count: number): string[] | undefined {
  const found: string[] = [];
  let start = 0;
  for (let i = 1; i < count; i++) {
    const space = text.indexOf(" ", start);
    if (space === -1) return undefined;
    found.push(text.slice(start, space));
    start = space + 1;
  }
  found.push(text.slice(start));
  return found.includes("") ? undefined : found;
}

/** A name, and what follows its space when there is one. */
export function nameAndOption(rest: string): [string, string | undefined] {
  const space = rest.indexOf(" ");
  return space === -1 ? [rest, undefined] : [rest.slice(0, space), rest.slice(space + 1)];
}

/** What is wrong with the first bad name. The name itself is not repeated. */
export function problemOf(...names: readonly NamedArgument[]): string | undefined {
  for (const [what, name] of names) {
    const problem = nameProblem(name);
    if (problem !== undefined) return `${what} ${problem}`;
  }
  return undefined;
}

/** A command whose first argument is a name, and whose others are good or make `make` throw. */
export function named(rest: string, what: string, make: (name: string) => Command): Decoded {
  if (rest === "") return malformed(`Missing ${what}`);
  const problem = nameProblem(rest);
  return problem === undefined ? make(detached(rest)) : malformed(`Error: ${what} ${problem}`);
}
