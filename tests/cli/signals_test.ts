/**
 * Requests to stop, as the process gets them.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { onStopSignal } from "../../cli/signals.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

function listeners(): number[] {
  return SIGNALS.map((signal) => process.listenerCount(signal));
}

Deno.test("each request to stop is told, without the signal's name, until nobody wants to know", () => {
  const before = listeners();
  const told: unknown[][] = [];
  const ignore = onStopSignal((...args: unknown[]) => told.push(args));
  for (const signal of [...SIGNALS, ...SIGNALS]) process.emit(signal, signal);
  assert.deepEqual(told, [[], [], [], []]);
  ignore();
  assert.deepEqual(listeners(), before);
  for (const signal of before.every((count) => count === 0) ? SIGNALS : []) {
    process.emit(signal, signal);
  }
  assert.equal(told.length, 4);
});

Deno.test("two that want to know are both told, and one may leave before the other", () => {
  const told: string[] = [];
  const ignoreFirst = onStopSignal(() => told.push("first"));
  const ignoreSecond = onStopSignal(() => told.push("second"));
  process.emit("SIGTERM", "SIGTERM");
  ignoreFirst();
  process.emit("SIGTERM", "SIGTERM");
  ignoreSecond();
  assert.deepEqual(told, ["first", "second", "second"]);
});
