/**
 * Certificates: of a peer whose chain the platform has let pass, and in files.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { checkCredentials } from "../../lib/server/credentials.ts";
import { judgePeer, type Peer } from "../../lib/server/peer.ts";
import { utf8 } from "./corpus.ts";
import { unless } from "./envelope_target.ts";
import { mutate } from "./mutator.ts";
import type { Random } from "./random.ts";
import fixed from "./certificates.json" with { type: "json" };
import type { Target } from "./target.ts";

const { clients, server, serverKey, authority } = fixed;
const DER = [...clients, server].map((pem) => new Uint8Array(new X509Certificate(pem).raw));
const DER_MATERIAL = {
  samples: DER,
  words: ["alice", "\0", "\u0003U\u0004\u0003"],
  maxBytes: 8_192,
};
const PEM_MATERIAL = {
  samples: [server, authority, serverKey].map(utf8),
  words: ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "-----", "\n", "="],
  maxBytes: 8_192,
};

/** A moment at which they are all valid, in milliseconds since the Unix epoch. */
const WHEN_MS = Date.UTC(2026, 0, 1);

/** The Common Name as the platform reads it, where it reads one. */
function commonName(der: Uint8Array): string | undefined {
  try {
    return /(?:^|\n)CN=([^\n]*)(?:\n|$)/.exec(new X509Certificate(der).subject ?? "")?.[1];
  } catch {
    return undefined;
  }
}

function checkDer(input: Uint8Array): void {
  const peer = {
    authorized: true,
    isSessionReused: () => false,
    getPeerCertificate: () => ({ raw: input }),
  };
  const verdict = judgePeer(peer as unknown as Peer, WHEN_MS);
  if ("refusal" in verdict) return;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(verdict.identity)) {
    throw new Error(`identity ${JSON.stringify(verdict.identity)}`);
  }
  const platform = commonName(input);
  if (platform === undefined || platform === verdict.identity) return;
  throw new Error(`identity ${verdict.identity}, but the platform reads ${platform}`);
}

/** What a peer shows; its chain would have been verified by the platform before. */
export const certificateTarget: Target = {
  name: "certificate",
  share: 12,
  make: (random) => mutate(random, DER_MATERIAL),
  check: checkDer,
};

function checkPem(input: Uint8Array, random: Random): void {
  const text = new TextDecoder().decode(input);
  const place = random.pick(["certificate", "privateKey", "authorities"]);
  const given = {
    certificate: server,
    privateKey: serverKey,
    authorities: authority,
    [place]: text,
  };
  unless("configuration", () => checkCredentials(given, new Date(WHEN_MS)));
}

/** What somebody calls the broker's certificate, its key or the authority's certificate. */
export const credentialsTarget: Target = {
  name: "credentials",
  share: 8,
  make: (random) => mutate(random, PEM_MATERIAL),
  check: checkPem,
};
