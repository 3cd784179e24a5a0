/** All that is fuzzed without a socket. @module */
import { brokerTarget } from "./broker_target.ts";
import { certificateTarget, credentialsTarget } from "./certificate_target.ts";
import { clientTarget } from "./client_target.ts";
import { clientConfigurationTarget, serverConfigurationTarget } from "./configuration_target.ts";
import { envelopeTarget } from "./envelope_target.ts";
import { keyFileTarget } from "./key_file_target.ts";
import { openingTarget } from "./opening_target.ts";
import type { Target } from "./target.ts";

/** Every target. */
export const TARGETS: readonly Target[] = [
  brokerTarget,
  clientTarget,
  envelopeTarget,
  openingTarget,
  keyFileTarget,
  certificateTarget,
  credentialsTarget,
  serverConfigurationTarget,
  clientConfigurationTarget,
];

/** How many of so many inputs a target gets. */
export function shareOf(target: Target, inputs: number): number {
  const all = TARGETS.reduce((sum, { share }) => sum + share, 0);
  return Math.max(1, Math.ceil((inputs * target.share) / all));
}
