/**
 * Starts the program.
 *
 * @module
 */
import process from "node:process";
import { run } from "./cli/cli.ts";

if (import.meta.main) process.exitCode = await run(process.argv.slice(2));
