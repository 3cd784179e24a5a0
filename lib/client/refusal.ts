/**
 * What a failure line of the broker means for the message it is about. The text protocol carries no
 * codes, so the words decide; words nobody knows are a refusal for good.
 *
 * @module
 */
import { CipherMqError, type ErrorCode } from "../base/errors.ts";
import type { ReceivedReply } from "../wire/reply.ts";
import { textBytesWithin } from "./message_size.ts";

/** A failure line. */
export type Failure = Extract<ReceivedReply, { readonly kind: "failed" }>;

/** What time may change: nobody made the queue or exchange yet, or the queue or the disk is full. */
export type Obstacle = "no_queue" | "no_room";

/** Why the broker did not take a message. */
export interface Refusal {
  /** Set when trying again later may work. */
  readonly obstacle?: Obstacle;
  /** The broker's reason, without its advice. */
  readonly why: string;
  /** What to report once it is not tried again. */
  readonly error: CipherMqError;
}

const NO_ROUTE = /\bno (?:queue|exchange)\b|exchange\b.*\b(?:not found|does not exist)|unroutable/i;
const NO_ROOM = /\b(?:is|nearly) full\b/i;
const CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/already used|duplicate|conflict/i, "conflict"],
  [/\bfull\b|\blimit\b|too (?:large|long|many)|longer than|larger than|no space/i, "limit"],
  [/not allowed|denied|may not|permission/i, "access_denied"],
  [/^(?:Missing|Invalid)/, "invalid_message"],
];
const OBSTACLES: readonly (readonly [RegExp, Obstacle, ErrorCode, string])[] = [
  [
    NO_ROUTE,
    "no_queue",
    "unroutable",
    "start the receiver, so that its queue exists, or wait longer for it",
  ],
  [NO_ROOM, "no_room", "limit", "receive what waits there, or wait longer for room"],
];

/**
 * Reads a failure as the refusal of one message: of the command's only message, or, when `idInBatch`
 * is given, of that message of a batch. Gives nothing when it is about the whole batch or about
 * something else.
 */
export function refusalFor(reply: Failure, idInBatch?: string): Refusal | undefined {
  if (idInBatch !== undefined && reply.id !== idInBatch) return undefined;
  const why = reply.text.replace(/^Error: /, "").replace(
    /(?:; try again later)?(?: for message \S+)?$/,
    "",
  );
  const message = `the broker refused the message: ${why}`;
  const passing = OBSTACLES.find(([words]) => words.test(why));
  if (passing !== undefined) {
    const [, obstacle, code, hint] = passing;
    return { obstacle, why, error: new CipherMqError(code, message, { hint }) };
  }
  const code = CODES.find(([words]) => words.test(why))?.[1] ?? "protocol";
  return { why, error: new CipherMqError(code, message, adviceFor(why)) };
}

function adviceFor(why: string): { hint?: string } {
  const sealedBytes = /larger than (\d+) bytes/.exec(why)?.[1];
  if (sealedBytes === undefined) return {};
  return { hint: `at most ${textBytesWithin(Number(sealedBytes))} bytes of text fit` };
}
