/**
 * How a person or a supervisor asks the program to stop.
 *
 * @module
 */
import process from "node:process";

/** The signals that ask for an orderly end; Windows has only the first. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Calls `handler` at every request to stop, until the returned function is called. */
export function onStopSignal(handler: () => void): () => void {
  for (const signal of STOP_SIGNALS) process.on(signal, handler);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, handler);
  };
}
