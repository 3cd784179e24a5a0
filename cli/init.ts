/**
 * `ciphermq init`: makes everything that a first run needs.
 *
 * @module
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { randomBytes } from "node:crypto";
import { CipherMqError } from "../lib/base/errors.ts";
import { isIdentity } from "../lib/base/identity_name.ts";
import { systemError } from "../lib/base/system_error.ts";
import { keyFiles } from "../lib/crypto/key_file.ts";
import { AES_KEY_BYTES, parseAddress } from "../lib/server/options.ts";
import { makeCertificates } from "./certificate_files.ts";
import { makeKeyFiles } from "./keygen.ts";
import { programName } from "./program_name.ts";
import type { Terminal } from "./terminal.ts";

const DATABASE = "ciphermq.db";
/** Who may back up the broker. */
const ADMIN = "admin";
const DEFAULT_SENDER = "sender_1";
const DEFAULT_RECEIVER = "receiver_1";

interface InitFlags {
  readonly address: string;
  readonly sender?: readonly string[];
  readonly receiver?: readonly string[];
  readonly host?: readonly string[];
  readonly force?: true;
}

/** What {@linkcode init} makes, and where. */
interface Setup {
  readonly dir: string;
  /** Where the broker listens, as configurations write it. */
  readonly address: string;
  readonly senders: readonly string[];
  readonly receivers: readonly string[];
  readonly hosts: readonly string[];
  readonly force: boolean;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Adds `init` to the program. */
export function addInit(program: Command, terminal: Terminal): void {
  program.command("init")
    .summary("make everything that a first run needs")
    .description(
      "Makes in DIR: certificates of an own CA for the server, the clients and an admin, the receivers' key " +
        "pairs, config.toml for the broker, with a new AES key, and config.json for the clients.",
    )
    .argument("[DIR]", "the folder; made if it is missing", ".")
    .option(
      "--sender <NAME>",
      `a sender; may be repeated (default: ${DEFAULT_SENDER})`,
      collect,
    )
    .option(
      "--receiver <NAME>",
      `a receiver; may be repeated (default: ${DEFAULT_RECEIVER})`,
      collect,
    )
    .option(
      "--host <HOST>",
      "another host name or address of the broker; may be repeated",
      collect,
    )
    .option("--address <HOST:PORT>", "where the broker listens", "127.0.0.1:5672")
    .option("--force", "replace all but the CA; what was sealed to the old keys is lost")
    .action(async (dir: string, flags: InitFlags) => {
      const setup: Setup = {
        dir,
        address: flags.address,
        senders: flags.sender ?? [DEFAULT_SENDER],
        receivers: [...new Set(flags.receiver ?? [DEFAULT_RECEIVER])],
        hosts: flags.host ?? [],
        force: flags.force === true,
      };
      await init(setup);
      tell(setup, terminal);
    });
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Makes the files, or none of them when one is there already. */
async function init(setup: Setup): Promise<void> {
  const { dir, receivers, force } = setup;
  const broker = reachedAt(setup.address);
  try {
    refuseToReplace(setup);
    mkdirSync(dir, { recursive: true });
    const certs = join(dir, "certs");
    const hosts = [broker.host, ...setup.hosts];
    await makeCertificates({ dir: certs, clients: clientsOf(setup), hosts, force });
    for (const name of receivers) makeKeyFiles({ dir: certs, name, force });
    const [server, client] = [serverConfiguration(setup), clientConfiguration(setup, broker)];
    writeConfiguration(join(dir, "config.toml"), server, 0o600, force);
    writeConfiguration(join(dir, "config.json"), client, 0o644, force);
  } catch (error) {
    throw systemError("configuration", `cannot make a set-up in ${dir}`, error);
  }
}

/** Where clients reach a broker that listens at `address`. */
function reachedAt(address: string): Address {
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed.port === 0) {
    throw new CipherMqError("usage", "cannot use the value of --address: it is not host:port", {
      hint: "write it as in 127.0.0.1:5672 or [::1]:5672",
    });
  }
  // All addresses of a machine are no address to connect to.
  const local = new Map([["0.0.0.0", "127.0.0.1"], ["::", "::1"]]);
  return { host: local.get(parsed.host) ?? parsed.host, port: parsed.port };
}

/** Every client once, for one name may send and receive. */
function clientsOf({ senders, receivers }: Setup): string[] {
  return [...new Set([...senders, ...receivers, ADMIN])];
}

/** Refuses, before anything is made, what would fail or destroy something later. */
function refuseToReplace(setup: Setup): void {
  for (const name of clientsOf(setup)) requireIdentity(name);
  const files = filesOf(setup);
  const twice = files.find((file, index) => files.indexOf(file) !== index);
  if (twice !== undefined) {
    throw new CipherMqError("usage", `cannot use these names: two of them need the file ${twice}`);
  }
  const database = join(setup.dir, DATABASE);
  if (existsSync(database)) {
    // Its keys are encrypted under the aes_key of the present config.toml.
    throw new CipherMqError(
      "already_exists",
      `cannot make a new configuration: ${database} belongs to the present one`,
      {
        hint:
          `\`ciphermq init DIR\` makes another one, in DIR; move ${database} away to start anew`,
      },
    );
  }
  // An authority that is there is used: without it no other certificate works any more.
  const present = files.find((file) =>
    !/^ca\.(?:crt|key)$/.test(basename(file)) && existsSync(file)
  );
  if (present !== undefined && !setup.force) throw alreadyThere(present);
}

function requireIdentity(name: string): void {
  if (isIdentity(name)) return;
  throw new CipherMqError("invalid_name", `cannot name a client ${JSON.stringify(name)}`, {
    hint: "a name is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit",
  });
}

/** Every file that is made. */
function filesOf(setup: Setup): string[] {
  const certs = join(setup.dir, "certs");
  return [
    join(setup.dir, "config.toml"),
    join(setup.dir, "config.json"),
    ...["ca", "server", ...clientsOf(setup)].flatMap((name) => [
      join(certs, `${name}.crt`),
      join(certs, `${name}.key`),
    ]),
    ...setup.receivers.flatMap((name) => Object.values(keyFiles(certs, name))),
  ];
}

function alreadyThere(file: string, cause?: unknown): CipherMqError {
  return new CipherMqError("already_exists", `cannot write ${file}: the file is there already`, {
    cause,
    hint:
      "`ciphermq init DIR` makes another set-up, in DIR; with --force everything here is replaced",
  });
}

function writeConfiguration(file: string, content: string, mode: number, force: boolean): void {
  // A file that is written into keeps its old mode, and a link leads elsewhere.
  if (force) rmSync(file, { force: true });
  try {
    writeFileSync(file, content, { flag: "wx", mode });
  } catch (error) {
    if (existsSync(file)) throw alreadyThere(file, error);
    throw error;
  }
}

function serverConfiguration({ address }: Setup): string {
  return `# The broker's configuration. Paths start at this file's folder.
[server]
connection_type = "tls"
address = "${address}"

[tls]
cert_path = "certs/server.crt"
key_path = "certs/server.key"
ca_cert_path = "certs/ca.crt"

[database]
dbname = "${DATABASE}"

# Registered keys are stored under this key: without it, the database cannot be used. It may be given
# in the environment as CIPHERMQ_AES_KEY instead, or in a file of its own: aes_key_file = "aes.key".
[encryption]
aes_key = "${randomBytes(AES_KEY_BYTES).toString("base64")}"

# The clients that may copy the database: ciphermq backup FILE
[acl]
admins = ["${ADMIN}"]
`;
}

function clientConfiguration({ receivers }: Setup, broker: Address): string {
  const configuration = {
    receiver_client_ids: receivers,
    server_address: broker.host,
    server_port: broker.port,
    tls: { certificate_path: "certs/ca.crt" },
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}

function tell(setup: Setup, terminal: Terminal): void {
  const { dir, senders, receivers } = setup;
  const commands = nextCommands(setup);
  if (terminal.json) {
    terminal.data(JSON.stringify({ dir, senders, receivers, next: commands }));
    return;
  }
  terminal.note(`made certificates and keys in ${join(dir, "certs")}, config.toml and config.json`);
  terminal.note("next, each in a terminal of its own:");
  if (dir !== ".") terminal.note(`  cd ${dir}`);
  for (const command of commands) terminal.note(`  ${command}`);
}

/** The commands of a first run; the launcher says how it was called itself. */
function nextCommands({ dir, senders, receivers }: Setup): string[] {
  const called = programName();
  const program = dir !== "." && called.includes("/") ? resolve(called) : called;
  const [sender, receiver] = [senders[0], receivers[0]];
  return [
    `${program} serve`,
    `${program} receive --as ${receiver} --output -`,
    `${program} send hello --as ${sender} --to ${receiver}`,
  ];
}
