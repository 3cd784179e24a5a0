/**
 * How clients of a history wait: shorter than usual, so that little simulated time passes.
 *
 * @module
 */

/** Between attempts. */
export const BACKOFF = { firstMs: 20, maxMs: 250 } as const;

/** When silence is taken for a dead connection. */
export const KEEP_ALIVE = {
  heartbeatMs: 1_200,
  replyTimeoutMs: 1_600,
  connectTimeoutMs: 1_000,
} as const;
