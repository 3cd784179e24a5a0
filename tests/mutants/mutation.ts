/**
 * A planted bug: edits to a copy of the source, and the suites that must notice it.
 *
 * @module
 */
import { join } from "node:path";

/** One place in the source that is written otherwise. */
export interface Edit {
  /** The file, from the project's root. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly find: string;
  /** What the bug makes of it. */
  readonly replace: string;
}

/** A bug that a suite must catch. */
export interface Mutation {
  /** The bug, in words. */
  readonly bug: string;
  /** How it is planted. */
  readonly edits: readonly Edit[];
  /** The suites that must catch it, each alone, the cheapest first. */
  readonly suites: readonly string[];
}

/** Plants a bug in the copy of the source in `folder`. Gives what takes it out again. */
export async function plant(folder: string, { edits }: Mutation): Promise<() => Promise<void>> {
  const originals = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(folder, file);
    const text = await Deno.readTextFile(path);
    if (!originals.has(path)) originals.set(path, text);
    await Deno.writeTextFile(path, edited(text, { file, find, replace }));
  }
  return async () => {
    for (const [path, text] of originals) await Deno.writeTextFile(path, text);
  };
}

/** The text with one edit made. Throws where the text to be edited is not there exactly once. */
export function edited(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(`${file} has ${parts.length - 1} places instead of one that read: ${find}`);
}
