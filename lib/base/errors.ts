/**
 * The error every part of CipherMQ throws for something a user or a peer can meet.
 *
 * @module
 */

/**
 * What went wrong, as a stable word that programs may compare. Texts may change, codes do not.
 *
 * - `usage`: the caller asked for something that makes no sense
 * - `configuration`: a configuration file, key file or certificate file cannot be used
 * - `already_exists`: a file would have been overwritten
 * - `tls`: no mutually authenticated connection could be made
 * - `connection`: an established connection was lost or could not be opened
 * - `access_denied`: the identity may not do this
 * - `invalid_name`: a name is empty, too long or has a character that names must not have
 * - `invalid_message`: an envelope or batch is malformed or over a limit
 * - `protocol`: the peer sent what the protocol does not allow
 * - `not_found`: no such queue, exchange, key or message
 * - `unroutable`: no queue takes the message
 * - `conflict`: the same name or message id is already used for something else
 * - `limit`: a configured limit is reached
 * - `timeout`: it did not happen in the time given
 * - `cryptographic`: a message or key could not be opened or verified
 * - `storage`: the durable store failed; the broker stops
 * - `partial`: some messages of a batch were not delivered
 */
export type ErrorCode =
  | "usage"
  | "configuration"
  | "already_exists"
  | "tls"
  | "connection"
  | "access_denied"
  | "invalid_name"
  | "invalid_message"
  | "protocol"
  | "not_found"
  | "unroutable"
  | "conflict"
  | "limit"
  | "timeout"
  | "cryptographic"
  | "storage"
  | "partial";

/** What a {@linkcode CipherMqError} may carry besides its code and text. */
export interface ErrorDetails {
  /** What the user can do next, as a sentence or a command. */
  readonly hint?: string;
  /** The error underneath; for logs, never sent to a peer. */
  readonly cause?: unknown;
}

/**
 * An error with a stable code, a text that says what could not be done and why, and, where there is
 * one, a hint what to do next. Texts never contain keys, plaintext or raw requests.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CipherMqError } from "./errors.ts";
 *
 * const error = new CipherMqError("not_found", "no queue 'orders'", { hint: "declare it first" });
 * assert(error.code === "not_found");
 * ```
 */
export class CipherMqError extends Error {
  /** The stable code of what went wrong. */
  readonly code: ErrorCode;
  /** What the user can do next, if there is something. */
  readonly hint?: string;

  /** Makes an error of `code` with a text and, where there are any, a hint and a cause. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "CipherMqError";
    this.code = code;
    if (details.hint !== undefined) this.hint = details.hint;
  }
}

/** What an error says; what is thrown and is no error says its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
