/**
 * How a person or a supervisor asks the program to stop.
 *
 * @module
 */
import process from "node:process";

/** The signals that ask for an orderly end; Windows has only the first. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** The exit code of a run that was not let finish: a runtime failure. */
const CUT_OFF = 1;

/**
 * Calls the first handler at the first request to stop, the second at the next, and so on, until the
 * returned function is called. One request more ends the program at once: what is durable does not
 * depend on an orderly end.
 */
export function onStopSignal(...handlers: (() => void)[]): () => void {
  let requests = 0;
  const listener = () => {
    const handler = handlers[requests++] ?? endAtOnce;
    handler();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}

/** Ends the program without an orderly end. */
export function endAtOnce(): never {
  process.exit(CUT_OFF);
}

/** Calls `handler` at every SIGHUP, which would end the program, until the returned function is called. */
export function onHangUp(handler: () => void): () => void {
  const listener = () => handler();
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}
