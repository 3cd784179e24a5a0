/**
 * What the broker and its clients rely on in the platform's clocks and timers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import process from "node:process";

Deno.test("the monotonic clock never goes back, goes on within a millisecond, and knows no wall clock", () => {
  const real = Date.now;
  const startMs = performance.now();
  let last = startMs;
  const seen = new Set<number>();
  try {
    Date.now = () => 0;
    while (last < startMs + 5) {
      const now = performance.now();
      assert(now >= last, `${now} after ${last}`);
      seen.add(now);
      last = now;
    }
  } finally {
    Date.now = real;
  }
  assert(seen.size > 5, `${seen.size} moments in 5 ms`);
  assert(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 60 * 60 * 1000);
});

Deno.test("setImmediate comes after all microtasks and before the next timer's millisecond is over", async () => {
  const order: string[] = [];
  const done = Promise.withResolvers<void>();
  setTimeout(() => {
    order.push("timer");
    done.resolve();
  }, 20);
  setImmediate(() => order.push("immediate"));
  queueMicrotask(() => {
    order.push("microtask");
    queueMicrotask(() => order.push("its microtask"));
  });
  await done.promise;
  assert.deepEqual(order, ["microtask", "its microtask", "immediate", "timer"]);
});

Deno.test("a timer of more than 2^31 milliseconds comes at once, so long waits are cut into pieces", async () => {
  const warned = once(process, "warning");
  const first = Promise.withResolvers<string>();
  const long = setTimeout(() => first.resolve("long"), 2 ** 31);
  const short = setTimeout(() => first.resolve("short"), 500);
  assert.equal(await first.promise, "long");
  clearTimeout(long);
  clearTimeout(short);
  const [warning] = await warned;
  assert.equal(warning.name, "TimeoutOverflowWarning");
});
