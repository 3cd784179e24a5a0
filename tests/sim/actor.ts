/**
 * What all who take part in a history have in common.
 *
 * @module
 */
import type { Ledger } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";
import type { Verdict } from "./verdict.ts";
import type { WireChecker } from "./wire_checker.ts";
import type { World } from "./world.ts";

/** A history's stage. */
export interface Stage {
  readonly world: World;
  readonly scenario: Scenario;
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  readonly wires: WireChecker;
  readonly random: SeededEntropy;
  /** What was meant to be sent: by the bytes of an envelope, or by publisher and id. */
  readonly texts: Map<string, string>;
}

/** What the message with these bytes says, if anybody can know. */
export function textOf({ texts, wires }: Stage, body: string): string | undefined {
  const attempt = wires.attempt(body);
  return texts.get(body) ?? texts.get(`${attempt?.publisher} ${attempt?.id}`);
}
