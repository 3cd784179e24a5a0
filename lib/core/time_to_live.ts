/**
 * When a message has waited too long.
 *
 * @module
 */

/** The soonest end of some times to live that begin at `wallMs`; 0 stands for no end, both ways. */
export function expiryOf(wallMs: number, ...ttlsMs: readonly number[]): number {
  const ends = ttlsMs.filter((ttlMs) => ttlMs > 0).map((ttlMs) => wallMs + ttlMs);
  // The end of a very long time is no whole number that can be stored any more.
  return ends.length === 0 ? 0 : Math.min(...ends, Number.MAX_SAFE_INTEGER);
}
