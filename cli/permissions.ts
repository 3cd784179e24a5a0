/**
 * What the program may do: all that `serve`, `send`, `receive` and the other subcommands need
 * together, for a compiled program is all of them. `demo`, which starts processes, is for a checkout.
 * The launcher `ciphermq` gives each subcommand only its own part.
 *
 * @module
 */

/** The flags of Deno that give the program its permissions. */
export const PERMISSION_FLAGS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-sys=statfs",
  "--allow-env=CIPHERMQ_*,NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE",
  "--ignore-env",
];
