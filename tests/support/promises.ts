/**
 * What is promised of messages, as checks that say which promise was not kept.
 *
 * @module
 */
import type { LoadConsumer, LoadPublisher } from "./load.ts";

/** A promise that was not kept. */
export class BrokenPromise extends Error {
  /** Says which. */
  constructor(what: string) {
    super(what);
    this.name = "BrokenPromise";
  }
}

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

/** No client was told no. */
export function requireNoRefusals(
  ...clients: readonly { readonly refusals: readonly string[] }[]
): void {
  requireNone("answers that refuse", clients.flatMap((client) => client.refusals));
}

/** All that was ACKed was delivered, nothing else was, and nothing came again once it was confirmed. */
export function requireConsumed({ acked }: LoadPublisher, consumer: LoadConsumer): void {
  const { confirmed, delivered, deliveredAgain } = consumer;
  requireNone("lost after their ACK", [...acked].filter((id) => !delivered.has(id)));
  requireNone("lost before they were acknowledged", [...acked].filter((id) => !confirmed.has(id)));
  requireNone("nobody published", [...delivered].filter((id) => !acked.has(id)));
  requireNone("delivered after ACK_CONFIRMED", deliveredAgain);
}

/** What was ACKed was delivered in the order of the ACKs. */
export function requireOrder({ acked }: LoadPublisher, { delivered }: LoadConsumer): void {
  requireSame("the consumer's order", [...delivered], [...acked]);
}
