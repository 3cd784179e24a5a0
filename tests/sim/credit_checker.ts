/**
 * What subscriptions hold.
 *
 * - I12: no more messages than the prefetch, and no more bytes than the limit, unless it is one message.
 *
 * @module
 */
import type { Conversation, Delivered } from "./conversation.ts";
import type { Copy } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import type { Verdict } from "./verdict.ts";

/** Counts what subscriptions have not settled. */
export class CreditChecker {
  readonly #verdict: Verdict;
  readonly #scenario: Scenario;
  readonly #isLive: (lease: Delivered) => boolean;

  /** Counts leases that may not be over. */
  constructor(verdict: Verdict, scenario: Scenario, isLive: (lease: Delivered) => boolean) {
    this.#verdict = verdict;
    this.#scenario = scenario;
    this.#isLive = isLive;
  }

  /** A `consume` worked. */
  subscribed({ credit }: Conversation, line: string): void {
    const { defaultPrefetch, maxPrefetch } = this.#scenario.limits;
    const [, queue, prefetch = defaultPrefetch!] = line.split(" ");
    // Subscribing again changes nothing.
    if (!credit.has(queue!)) credit.set(queue!, Math.min(Number(prefetch), maxPrefetch!));
  }

  /** A copy was delivered. Those of which it is not known from which queue they are count for none. */
  delivered({ identity, leases, credit, fetches }: Conversation, { message }: Copy): void {
    // What was fetched is of no subscription, and cannot be told apart.
    if (fetches) return;
    const { queue } = message;
    let count = 0;
    let bytes = 0;
    for (const lease of leases) {
      if (lease.copy?.message.queue !== queue || !this.#isLive(lease)) continue;
      count++;
      bytes += lease.copy.message.size;
    }
    const most = credit.get(queue) ?? 0;
    this.#verdict.require(
      count <= most && (count === 1 || bytes <= this.#scenario.limits.maxPrefetchBytes!),
      "I12",
      () =>
        `${identity} holds ${count} messages, ${bytes} bytes, of ${queue}, and may hold ${most}`,
    );
  }
}
