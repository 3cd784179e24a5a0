/**
 * Texts that somebody else chose, such as paths and keys of a configuration, for a person to read.
 *
 * @module
 */

/**
 * Every control, format (which includes changes of the writing direction), surrogate, private use and
 * unassigned character, line and paragraph separator: a terminal obeys some of them, and some end or
 * reorder a line.
 */
export const UNPRINTABLE: RegExp = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** The text with what cannot be seen, or commands a terminal, as `\u{…}`. */
export function printable(text: string): string {
  return text.replaceAll(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
