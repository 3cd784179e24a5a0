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
  // A listener is given the signal's name, which a handler such as a promise's resolver would take.
  const listener = () => handler();
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}
