/**
 * What a receiver says when it rejects a message; kept with the dead letter for people to read.
 *
 * @module
 */

/** The longest reason, in characters (Unicode code points). */
export const MAX_REASON_CHARACTERS = 200;

// What could end or reorder a line: control, format (which includes bidirectional overrides),
// surrogate, private use, unassigned, line and paragraph separators.
const FORBIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;
const SHORT = new RegExp(`^.{1,${MAX_REASON_CHARACTERS}}$`, "su");

/** Says why `text` cannot be a reason, or nothing when it can. Spaces are allowed. */
export function reasonProblem(text: string): string | undefined {
  if (text.length === 0) return "is empty";
  if (!SHORT.test(text)) return `is longer than ${MAX_REASON_CHARACTERS} characters`;
  return FORBIDDEN.test(text) ? "has a control character" : undefined;
}
