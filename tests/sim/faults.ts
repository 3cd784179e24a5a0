/**
 * Every kind of fault that a history may meet.
 *
 * @module
 */

/** The kinds, by where they strike. */
export const FAULTS = [
  // The network.
  "delay",
  "split at any byte",
  "coalesced chunks",
  "cut at any byte",
  "reset",
  "half-open",
  "refused dial",
  // The broker and its machine.
  "broker crash between two steps",
  "broker crash before its commit is durable",
  "broker crash after its commit, before release",
  "torn tail of the store",
  "commit that took effect although its outcome was not learned",
  "commit with I/O error, not in effect",
  "commit with I/O error, in effect",
  "read with I/O error",
  "disk nearly full",
  "stalled disk",
  "wall clock jump",
  "orderly restart",
  // The clients.
  "sender crash",
  "receiver crash",
  "receiver crash before its sink is durable",
  "receiver crash after its sink is durable",
  "slow consumer",
  "silent holder of leases",
  "garbage",
  "line that does not end",
  "oversized line",
] as const;

/** One kind. */
export type Fault = typeof FAULTS[number];

/** How often each kind really happened. */
export class FaultCounts {
  readonly #counts = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]));

  /** Told of each. */
  onFault: (fault: Fault) => void = () => {};

  /** One more happened. */
  add(fault: Fault): void {
    this.#counts.set(fault, this.#counts.get(fault)! + 1);
    this.onFault(fault);
  }

  /** How many of each kind. */
  entries(): [Fault, number][] {
    return [...this.#counts];
  }
}
