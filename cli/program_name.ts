/**
 * What the program is called by whoever runs it.
 *
 * @module
 */
import process from "node:process";

/** The name to put before a subcommand: how the launcher was called, or `ciphermq`. */
export function programName(): string {
  return process.env.CIPHERMQ_PROGRAM ?? "ciphermq";
}

/** A hint whose commands work as they stand; texts write them as `ciphermq SUBCOMMAND`. */
export function asCalled(hint: string): string {
  return hint.replace(/(?<![\w./-])ciphermq (?=[a-z])/g, () => `${programName()} `);
}
