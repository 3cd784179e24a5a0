/**
 * `config.toml` and `config.json`.
 *
 * @module
 */
import { assertLimits } from "../../lib/base/limits.ts";
import { nameProblem } from "../../lib/base/names.ts";
import { readClientOptions } from "../../lib/client/options.ts";
import { readServerOptions } from "../../lib/server/options.ts";
import {
  CLIENT_CONFIGURATION,
  CLIENT_WORDS,
  SERVER_CONFIGURATION,
  SERVER_WORDS,
  utf8,
} from "./corpus.ts";
import { unless } from "./envelope_target.ts";
import { mutate } from "./mutator.ts";
import { scratchFile } from "./scratch.ts";
import type { Target } from "./target.ts";

const SERVER = { samples: [utf8(SERVER_CONFIGURATION)], words: SERVER_WORDS, maxBytes: 8_192 };
const CLIENT = { samples: [utf8(CLIENT_CONFIGURATION)], words: CLIENT_WORDS, maxBytes: 8_192 };

function require(rule: boolean, what: string): void {
  if (!rule) throw new Error(`accepted: ${what}`);
}

function checkServer(input: Uint8Array): void {
  for (const name of ["server.crt", "server.key", "ca.crt"]) {
    scratchFile(name, "-----BEGIN CERTIFICATE----- -----BEGIN PRIVATE KEY-----");
  }
  const options = unless(
    "configuration",
    () => readServerOptions(scratchFile("config.toml", input), {}),
  );
  if (options === undefined) return;
  assertLimits(options.limits);
  require(options.aesKey.length === 32, "a key of another length");
  require(options.port >= 0 && options.port <= 65_535, "a port that is none");
  require(/^[\w.%:-]+$/.test(options.host), "a host that is none");
  require(options.databasePath.length > 1, "no database");
}

function checkClient(input: Uint8Array): void {
  const options = unless(
    "configuration",
    () => readClientOptions(scratchFile("config.json", input)),
  );
  if (options === undefined) return;
  const names = [...options.receivers, options.queue, options.exchange, options.routingKey];
  require(names.every((one) => one === undefined || nameProblem(one) === undefined), "a bad name");
  require(options.port >= 1 && options.port <= 65_535, "a port that is none");
  require(typeof options.tls.checkHostname === "boolean", "neither yes nor no");
}

/** What somebody calls a broker's configuration. */
export const serverConfigurationTarget: Target = {
  name: "config_toml",
  share: 6,
  make: (random) => mutate(random, SERVER),
  check: checkServer,
};

/** What somebody calls a client's configuration. */
export const clientConfigurationTarget: Target = {
  name: "config_json",
  share: 10,
  make: (random) => mutate(random, CLIENT),
  check: checkClient,
};
