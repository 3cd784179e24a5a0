/**
 * What a receiver says when it rejects a message; kept with the dead letter for people to read.
 *
 * @module
 */
import { UNPRINTABLE } from "../base/printable.ts";

/** The longest reason, in characters (Unicode code points). */
export const MAX_REASON_CHARACTERS = 200;

const SHORT = new RegExp(`^.{1,${MAX_REASON_CHARACTERS}}$`, "su");

/** Says why `text` cannot be a reason, or nothing when it can. Spaces are allowed. */
export function reasonProblem(text: string): string | undefined {
  if (text.length === 0) return "is empty";
  if (!SHORT.test(text)) return `is longer than ${MAX_REASON_CHARACTERS} characters`;
  return text.search(UNPRINTABLE) === -1 ? undefined : "has a control character";
}
