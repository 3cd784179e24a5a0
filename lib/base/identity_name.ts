/**
 * What a client's identity may look like: the one rule that certificates are issued by
 * (`lib/pki`) and checked by (`lib/guard`).
 *
 * @module
 */

const IDENTITY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Whether `text` can be a client's identity: 1 to 64 ASCII letters, digits, `.`, `_` and `-`, the
 * first of them a letter or digit. Such a name is also safe as a file name and in a log line.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isIdentity } from "./identity_name.ts";
 *
 * assert(isIdentity("sender_1"));
 * assert(!isIdentity("../sender_1"));
 * ```
 */
export function isIdentity(text: string): boolean {
  return IDENTITY.test(text);
}
