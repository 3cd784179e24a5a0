/**
 * What is looked at after every round of the soak.
 *
 * @module
 */
import { BrokenPromise } from "../crash/crash_load.ts";
import type { LoadConsumer, LoadPublisher } from "../support/load.ts";

/** Throws {@linkcode BrokenPromise} unless both lists are the same. */
export function requireSame(
  what: string,
  found: readonly string[],
  expected: readonly string[],
): void {
  const length = Math.max(found.length, expected.length);
  for (let at = 0; at < length; at++) {
    if (found[at] === expected[at]) continue;
    throw new BrokenPromise(
      `${what}: ${found.length} of ${expected.length}; at ${at} ${found[at]}, not ${expected[at]}`,
    );
  }
}

/** Throws {@linkcode BrokenPromise} for what should not be. */
export function requireNone(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new BrokenPromise(`${what}: ${found.length}, first ${found[0]}`);
}

/** All that was ACKed was delivered, nothing else was, and nothing came again once it was confirmed. */
export function requireConsumed(publisher: LoadPublisher, consumer: LoadConsumer): void {
  const { acked } = publisher;
  const { confirmed, delivered, deliveredAgain, refusals } = consumer;
  requireNone("answers that refuse", [...publisher.refusals, ...refusals]);
  requireNone("lost before it was acknowledged", [...acked].filter((id) => !confirmed.has(id)));
  requireNone("delivered after ACK_CONFIRMED", deliveredAgain);
  requireNone("nobody published", [...delivered].filter((id) => !acked.has(id)));
}
