/**
 * What the operating system, SQLite or Deno's permissions refused, in words for people.
 *
 * @module
 */
import { CipherMqError, type ErrorCode } from "./errors.ts";
import { printable } from "./printable.ts";

/** Why the system did not do something, and what to do about it. */
export interface SystemReason {
  /** Why, as the end of a sentence: "the disk is full". */
  readonly why: string;
  /** What to do next; absent where it depends on what was to be done. */
  readonly hint?: string;
}

const FULL = { why: "the disk is full", hint: "make room on that disk, then run it again" };
const DENIED = {
  why: "permission denied",
  hint: "look at who owns it and its folder (ls -ld), or run it as that user",
};
const FAILED = {
  why: "the disk does not work (I/O error)",
  hint: "look at the system's log (dmesg) before you trust that disk again",
};
const NO_DATABASE = {
  why: "it is no database, or it is damaged",
  hint: "name another file, or move this one away to start anew",
};
const FOLDER = { why: "it is a folder", hint: "name a file" };
const MISSING = { why: "there is no such file" };

/** By the `code` of an error of the system, or the name of one of Deno's. */
const REASONS: ReadonlyMap<string, SystemReason> = new Map(Object.entries({
  ENOENT: MISSING,
  NotFound: MISSING,
  EACCES: DENIED,
  EPERM: DENIED,
  PermissionDenied: DENIED,
  EISDIR: FOLDER,
  IsADirectory: FOLDER,
  ENOTDIR: {
    why: "a part of its path is a file, not a folder",
    hint: "name a path whose folders are folders",
  },
  EEXIST: {
    why: "a file is there already where a folder is needed",
    hint: "name another path, or move that file away",
  },
  ENOSPC: FULL,
  EDQUOT: { ...FULL, why: "the disk quota is used up" },
  EROFS: { why: "that file system is read-only", hint: "name a path on another one" },
  EIO: FAILED,
  ENAMETOOLONG: { why: "the name is too long", hint: "name a shorter path" },
  ELOOP: { why: "its symbolic links lead in a circle", hint: "look at them with ls -l" },
  EMFILE: {
    why: "too many files are open",
    hint: "raise the limit (ulimit -n), then run it again",
  },
  ENFILE: { why: "too many files are open on this machine", hint: "end other programs" },
  EFBIG: { why: "the file would be too large", hint: "raise the limit (ulimit -f), or rotate it" },
  NotCapable: {
    why: "Deno does not let the program at it",
    hint:
      "name an ordinary file or folder, none in /dev, /proc or /sys, and start the program with " +
      "./ciphermq, which gives each subcommand the permissions that it needs",
  },
}));

/** By what SQLite says: not all of its errors carry their code. */
const SQLITE_REASONS: readonly (readonly [RegExp, SystemReason])[] = [
  [/ is full/, FULL],
  [/ readonly /, DENIED],
  [/I\/O error/, FAILED],
  [/not a database|malformed/, NO_DATABASE],
];

/**
 * Why the system refused, if it was the system: nothing for any other error, whose text may quote
 * what it was given.
 */
export function systemReason(error: unknown): SystemReason | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = String((error as { code?: unknown }).code);
  if (code === "ERR_SQLITE_ERROR") {
    const known = SQLITE_REASONS.find(([text]) => text.test(error.message));
    return known?.[1] ?? { why: error.message };
  }
  const known = REASONS.get(code) ?? REASONS.get(error.name);
  if (known !== undefined) return known;
  return error.name in Deno.errors || /^E[A-Z0-9]+$/.test(code)
    ? { why: error.message }
    : undefined;
}

/**
 * The error for something that the system did not do: `cannot` says what could not be done, as in
 * "cannot write x". The hint is the system's where there is one, otherwise `hint`. An error that
 * explains itself already is given back as it is; one that is not the system's is a mistake of the
 * program and thrown as it is.
 */
export function systemError(
  code: ErrorCode,
  cannot: string,
  cause: unknown,
  hint?: string,
): CipherMqError {
  if (cause instanceof CipherMqError) return cause;
  const reason = systemReason(cause);
  if (reason === undefined) throw cause;
  const next = reason.hint ?? hint;
  return new CipherMqError(code, printable(`${cannot}: ${reason.why}`), {
    cause,
    ...(next !== undefined && { hint: next }),
  });
}
