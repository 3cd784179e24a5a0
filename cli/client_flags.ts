/**
 * The flags that subcommands share which connect to a broker, and what they make of them together with the
 * environment and `config.json`: flag > `CIPHERMQ_*` > file > default.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CipherMqError } from "../lib/base/errors.ts";
import { isIdentity } from "../lib/base/identity_name.ts";
import type { ConnectionOptions } from "../lib/client/connection.ts";
import { type CredentialFiles, readCredentials } from "../lib/client/credentials.ts";
import {
  type ClientFileOptions,
  DEFAULT_HOST,
  DEFAULT_PORT,
  readClientOptions,
} from "../lib/client/options.ts";
import { readCertificate } from "../lib/pki/certificate_facts.ts";

/** The flags that say who connects where, as commander gives them. */
export interface ConnectionFlags {
  readonly as?: string;
  readonly config?: string;
  readonly server?: { readonly host: string; readonly port: number };
  readonly certs?: string;
}

/** The flags of a client that sends or receives. */
export interface ClientFlags extends ConnectionFlags {
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly reconnectFor?: number;
}

/** Who the client is and where the broker is. */
export interface ClientSetup {
  /** The one Common Name of the client's certificate. */
  readonly identity: string;
  /** The folder of certificates and keys. */
  readonly certs: string;
  /** The broker and the credentials. */
  readonly connection: ConnectionOptions;
  /** Where messages go, and how long to try to get there: what `Sender` and `Receiver` both take. */
  readonly way: {
    readonly connection: ConnectionOptions;
    /** How long to try to reconnect, in milliseconds; absent, for ever. */
    readonly reconnectForMs?: number;
    readonly exchange?: string;
    readonly routingKey?: string;
  };
  /** What `config.json` says, where there is one. */
  readonly file?: ClientFileOptions;
}

/** The configuration that is read when it is there. */
const DEFAULT_CONFIG = "config.json";
const DEFAULT_CERTS = "certs";
const MS = 1000;

function flag(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(`CIPHERMQ_${variable}`);
}

/** Adds the flags of every subcommand that connects to a broker. */
export function addConnectionFlags(command: Command): Command {
  return command
    .addOption(flag("--as <NAME>", "who to be: certs/NAME.crt and certs/NAME.key", "AS"))
    .addOption(
      flag("-c, --config <FILE>", `client configuration (default: ./config.json)`, "CONFIG"),
    )
    .addOption(
      flag("--server <HOST:PORT>", "the broker (default: 127.0.0.1:5672)", "SERVER")
        .argParser(parseServer),
    )
    .addOption(flag("--certs <DIR>", "folder of certificates and keys (default: certs)", "CERTS"));
}

/** Adds the flags that `send` and `receive` have. */
export function addClientFlags(command: Command): Command {
  return addConnectionFlags(command)
    .addOption(flag("--exchange <NAME>", "the exchange (default: ciphermq)", "EXCHANGE"))
    .addOption(
      flag("--routing-key <KEY>", "the routing key (default: the receiver's name)", "ROUTING_KEY"),
    )
    .addOption(
      flag(
        "--reconnect-for <SECONDS>",
        "give up when the broker is away for so long (default: never)",
        "RECONNECT_FOR",
      ).argParser(parseSeconds),
    );
}

/** Reads everything that the flags lead to. Throws `configuration` or `usage`. */
export function readClientSetup(flags: ClientFlags): ClientSetup {
  const path = flags.config ?? (existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined);
  const file = path === undefined ? undefined : readClientOptions(path);
  const certs = flags.certs ??
    (file?.tls.caPath === undefined ? DEFAULT_CERTS : dirname(file.tls.caPath));
  const files = credentialFiles(flags, certs, file);
  const credentials = readCredentials(files, Date.now());
  const host = flags.server?.host ?? file?.host ?? DEFAULT_HOST;
  const port = flags.server?.port ?? file?.port ?? DEFAULT_PORT;
  const checkHostname = file?.tls.checkHostname ?? true;
  const connection = { host, port, credentials, checkHostname };
  const exchange = flags.exchange ?? file?.exchange;
  const routingKey = flags.routingKey ?? file?.routingKey;
  return {
    identity: identityOf(credentials.certificate, files.certPath),
    certs,
    connection,
    way: {
      connection,
      ...(flags.reconnectFor !== undefined && { reconnectForMs: flags.reconnectFor * MS }),
      ...(exchange !== undefined && { exchange }),
      ...(routingKey !== undefined && { routingKey }),
    },
    ...(file !== undefined && { file }),
  };
}

function credentialFiles(
  flags: ConnectionFlags,
  certs: string,
  file: ClientFileOptions | undefined,
): CredentialFiles {
  const caPath = flags.certs === undefined ? file?.tls.caPath : undefined;
  const ca = caPath ?? join(certs, "ca.crt");
  if (flags.as !== undefined) {
    requireIdentity(flags.as);
    const path = (suffix: string) => join(certs, flags.as + suffix);
    return { caPath: ca, certPath: path(".crt"), keyPath: path(".key") };
  }
  const { certPath, keyPath } = file?.tls ?? {};
  if (certPath === undefined || keyPath === undefined) {
    throw new CipherMqError("usage", "cannot tell which client to be", {
      hint: "say it with --as NAME; its certificate is certs/NAME.crt",
    });
  }
  return { caPath: ca, certPath, keyPath };
}

function requireIdentity(name: string): void {
  if (isIdentity(name)) return;
  throw new CipherMqError("usage", `cannot be ${JSON.stringify(name)}: it is no client's name`, {
    hint: "a name is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit",
  });
}

function identityOf(certificate: string, path: string): string {
  const [name, ...others] = readCertificate(certificate).commonNames;
  if (name !== undefined && others.length === 0 && isIdentity(name)) return name;
  throw new CipherMqError("configuration", `cannot use ${path}: it has no one Common Name`, {
    hint: "`ciphermq gen-certs NAME` makes a client's certificate",
  });
}

function parseServer(value: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new InvalidArgumentError("It is not HOST:PORT, as in 127.0.0.1:5672 or [::1]:5672.");
  }
  return { host: (match[1] ?? match[2])!, port };
}

/** Takes a flag's value as seconds. */
export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (value.trim() !== "" && seconds >= 0 && seconds < Infinity) return seconds;
  throw new InvalidArgumentError("It is not a number of seconds.");
}

/** Takes a flag's value as seconds above 0, and gives whole milliseconds, at least 1. */
export function parseDuration(value: string): number {
  const ms = Math.ceil(parseSeconds(value) * MS);
  if (ms > 0 && Number.isSafeInteger(ms)) return ms;
  throw new InvalidArgumentError("It is not a number of seconds above 0.");
}

/** Takes a flag's value as a number of things, at least one. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("It is not a whole number above 0.");
}
