/**
 * The one validator for names that peers choose: exchanges, queues, routing keys, client ids and
 * message ids. A name that passes cannot forge a log line, a reply or a command.
 *
 * @module
 */

/** The longest name, in UTF-8 bytes. */
export const MAX_NAME_BYTES = 255;

const PRINTABLE_ASCII = /^[!-~]+$/;
// C: control, format (which includes bidirectional overrides), surrogate, private use, unassigned.
// Z: spaces and line separators.
const FORBIDDEN = /[\p{C}\p{Z}]/u;
const encoder = new TextEncoder();

/**
 * Says why `name` cannot be used, or nothing when it can.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { nameProblem } from "./names.ts";
 *
 * assert(nameProblem("orders.eu") === undefined);
 * assert(nameProblem("two words") === "has a space or control character");
 * ```
 */
export function nameProblem(name: string): string | undefined {
  if (name.length === 0) return "is empty";
  if (name.length > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  if (PRINTABLE_ASCII.test(name)) return undefined;
  if (FORBIDDEN.test(name)) return "has a space or control character";
  if (encoder.encode(name).length > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}
