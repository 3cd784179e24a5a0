/**
 * What the program's exit codes mean.
 *
 * @module
 */
import { CipherMqError, type ErrorCode } from "../lib/base/errors.ts";

const BY_ERROR: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  configuration: 2,
  invalid_name: 2,
  tls: 3,
  access_denied: 3,
  not_found: 4,
  unroutable: 4,
  timeout: 5,
  cryptographic: 6,
  partial: 7,
  already_exists: 1,
  connection: 1,
  invalid_message: 1,
  protocol: 1,
  conflict: 1,
  limit: 1,
  storage: 1,
};

/**
 * The exit code for a failure: 1 runtime, 2 usage or configuration, 3 TLS or access, 4 not found or
 * unroutable, 5 timeout, 6 cryptographic failure, 7 some of a batch failed.
 */
export function exitCodeOf(error: unknown): number {
  return error instanceof CipherMqError ? BY_ERROR[error.code] : 1;
}
