/**
 * Configuration files: read, parsed, and held against a schema, with errors that name the file, the
 * key and what is expected. No value is ever printed: it may be a secret under the wrong key.
 *
 * @module
 */
import type { z } from "zod";
import { CipherMqError } from "./errors.ts";
import { printable } from "./printable.ts";
import { systemError } from "./system_error.ts";

/** What is wrong with one key of a configuration file. */
export function configurationError(file: string, problem: string, hint?: string): CipherMqError {
  return new CipherMqError("configuration", `cannot use ${printable(file)}: ${problem}`, {
    ...(hint !== undefined && { hint }),
  });
}

/**
 * Reads a text file that a configuration names or is. Throws `configuration` when it cannot be read;
 * `what` says what the file is, as in "the server's certificate".
 */
export function readConfiguredFile(file: string, what: string, hint?: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw unreadable(file, what, error, hint);
  }
}

/**
 * Reads a file that holds a secret. Throws `configuration` when it cannot be read, or when others
 * than its owner could read it too (where the system has such permissions).
 */
export function readSecretFile(file: string, what: string, hint?: string): string {
  if (isOpenToOthers(file, what, hint)) {
    throw configurationError(
      file,
      `${what} can be read by others than its owner`,
      keepToOwnerCommand(file),
    );
  }
  return readConfiguredFile(file, what, hint);
}

/**
 * Whether others than its owner could read, change or run a file. Never on Windows, whose modes say
 * nothing about that. Throws `configuration` when there is no such file.
 */
export function isOpenToOthers(file: string, what: string, hint?: string): boolean {
  try {
    const { mode } = Deno.statSync(file);
    return Deno.build.os !== "windows" && mode !== null && (mode & 0o077) !== 0;
  } catch (error) {
    throw unreadable(file, what, error, hint);
  }
}

/** The command that leaves a file to its owner alone, for a POSIX shell. */
export function keepToOwnerCommand(file: string): string {
  const isPlain = /^[\w./@%+:,-]+$/.test(file);
  return `chmod 600 ${isPlain ? file : `'${file.replaceAll("'", "'\\''")}'`}`;
}

function unreadable(file: string, what: string, error: unknown, hint?: string): CipherMqError {
  return systemError("configuration", `cannot read ${what} ${file}`, error, hint);
}

/**
 * Holds a parsed file against its schema, and throws `configuration` with everything that does not
 * fit. A schema's own error texts say what is expected, as in "expected a path".
 */
export function checkConfiguration<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describe(issue, value));
  throw configurationError(file, problems.join("; "));
}

function describe(issue: z.core.$ZodIssue, value: unknown): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `unknown key ${quoted([...path, key].join("."))}`);
  }
  const place = path.length === 0 ? "the file" : path.join(".");
  return [
    `${place} ${valueAt(value, path) === undefined ? "is missing" : "is wrong"}: ${issue.message}`,
  ];
}

/** A key is the file's text too: it may be long or hold anything. */
function quoted(key: string): string {
  return printable(JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key));
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
