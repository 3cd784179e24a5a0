/**
 * What a queue does that was told nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { defaultQueueOptions } from "../../lib/base/queue_options.ts";

Deno.test("a queue that was told nothing keeps the broker's limits, and its messages do not expire", () => {
  const limits = {
    ...DEFAULT_LIMITS,
    ...{ ackTimeoutMs: 1, maxDeliveries: 2, maxQueueMessages: 3, maxQueueBytes: 4 },
  };
  assert.deepEqual(defaultQueueOptions(limits), {
    ...{ ackTimeoutMs: 1, maxDeliveries: 2, maxMessages: 3, maxBytes: 4 },
    ...{ ttlMs: 0, expired: "dead" },
  });
  const { ackTimeoutMs, maxDeliveries } = defaultQueueOptions(DEFAULT_LIMITS);
  assert.deepEqual([ackTimeoutMs, maxDeliveries], [30_000, 20]);
});
