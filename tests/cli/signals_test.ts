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

Deno.test("each request to stop is told to the next, without the signal's name, until nobody wants to know", () => {
  const before = listeners();
  const told: unknown[][] = [];
  const ignore = onStopSignal(
    (...args: unknown[]) => told.push(["first", ...args]),
    (...args: unknown[]) => told.push(["second", ...args]),
  );
  for (const signal of SIGNALS) process.emit(signal, signal);
  assert.deepEqual(told, [["first"], ["second"]]);
  ignore();
  assert.deepEqual(listeners(), before);
  for (const signal of before.every((count) => count === 0) ? SIGNALS : []) {
    process.emit(signal, signal);
  }
  assert.equal(told.length, 2);
});

Deno.test("one request more than is known what to do about ends the program at once", () => {
  const original = process.exit;
  const codes: unknown[] = [];
  process.exit = ((code) => {
    codes.push(code);
    throw new Error("ended");
  }) as typeof process.exit;
  const ignore = onStopSignal(() => {});
  try {
    process.emit("SIGINT", "SIGINT");
    assert.deepEqual(codes, []);
    assert.throws(() => process.emit("SIGTERM", "SIGTERM"), /ended/);
    assert.deepEqual(codes, [1]);
  } finally {
    ignore();
    process.exit = original;
  }
});

Deno.test("two that want to know are both told, and one may leave before the other", () => {
  const told: string[] = [];
  const [first, second] = [() => told.push("first"), () => told.push("second")];
  const ignoreFirst = onStopSignal(first, first);
  const ignoreSecond = onStopSignal(second, second);
  process.emit("SIGTERM", "SIGTERM");
  ignoreFirst();
  process.emit("SIGTERM", "SIGTERM");
  ignoreSecond();
  assert.deepEqual(told, ["first", "second", "second"]);
});
