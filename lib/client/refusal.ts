/**
 * What a failure line of the broker means for the message it is about. The text protocol carries no
 * codes, so the words decide; words nobody knows are a refusal for good.
 *
 * @module
 */
import { CipherMqError, type ErrorCode } from "../base/errors.ts";
import type { ReceivedReply } from "../wire/reply.ts";

/** A failure line. */
export type Failure = Extract<ReceivedReply, { readonly kind: "failed" }>;

/** Why the broker did not take a message. */
export interface Refusal {
  /** Nobody made the queue or exchange yet: trying again later may work. */
  readonly retriable: boolean;
  /** What to report once it is not tried again. */
  readonly error: CipherMqError;
}

const NO_ROUTE = /\bno (?:queue|exchange)\b|exchange\b.*\b(?:not found|does not exist)|unroutable/i;
const CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/already used|duplicate|conflict/i, "conflict"],
  [/\bfull\b|\blimit\b|too (?:large|long|many)|longer than|larger than|no space/i, "limit"],
  [/not allowed|denied|may not|permission/i, "access_denied"],
  [/^(?:Missing|Invalid)/, "invalid_message"],
];
const NO_ROUTE_HINT = "start the receiver, so that its queue exists, or wait longer for it";

/**
 * Reads a failure as the refusal of one message: of the command's only message, or, when `idInBatch`
 * is given, of that message of a batch. Gives nothing when it is about the whole batch or about
 * something else.
 */
export function refusalFor(reply: Failure, idInBatch?: string): Refusal | undefined {
  if (idInBatch !== undefined && reply.id !== idInBatch) return undefined;
  const why = reply.text.replace(/^Error: /, "").replace(/ for message \S+$/, "");
  const retriable = NO_ROUTE.test(why);
  const code = retriable
    ? "unroutable"
    : CODES.find(([words]) => words.test(why))?.[1] ?? "protocol";
  const message = `the broker refused the message: ${why}`;
  const error = new CipherMqError(code, message, retriable ? { hint: NO_ROUTE_HINT } : {});
  return { retriable, error };
}
