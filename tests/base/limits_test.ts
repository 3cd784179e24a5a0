/**
 * The limits: the defaults fit each other, and what does not is refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AssertionError } from "../../lib/base/assert.ts";
import { assertLimits, DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";

Deno.test("the default limits are valid", () => {
  assertLimits(DEFAULT_LIMITS);
});

Deno.test("every limit must be a positive whole number", () => {
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    for (const value of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
      assert.throws(
        () => assertLimits({ ...DEFAULT_LIMITS, [name]: value }),
        (error) => error instanceof AssertionError && error.message.includes(name),
      );
    }
  }
});

Deno.test("the longest line fits twice into what all connections may send", () => {
  const { maxLineBytes } = DEFAULT_LIMITS;
  assertLimits({ ...DEFAULT_LIMITS, maxIncomingBytes: 2 * maxLineBytes });
  assert.throws(
    () => assertLimits({ ...DEFAULT_LIMITS, maxIncomingBytes: 2 * maxLineBytes - 1 }),
    AssertionError,
  );
});

Deno.test("a message must fit into a line, and the default prefetch into the largest", () => {
  const { maxLineBytes, maxPrefetch } = DEFAULT_LIMITS;
  assert.throws(
    () => assertLimits({ ...DEFAULT_LIMITS, maxMessageBytes: maxLineBytes }),
    AssertionError,
  );
  assertLimits({ ...DEFAULT_LIMITS, maxMessageBytes: maxLineBytes - 1 });
  assert.throws(
    () => assertLimits({ ...DEFAULT_LIMITS, defaultPrefetch: maxPrefetch + 1 }),
    AssertionError,
  );
  assertLimits({ ...DEFAULT_LIMITS, defaultPrefetch: maxPrefetch });
});
