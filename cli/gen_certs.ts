/**
 * `ciphermq gen-certs`: makes the certificates that a broker and its clients know each other by.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { DEFAULT_DAYS } from "../lib/pki/certificate.ts";
import { DEFAULT_CLIENTS, type MadeCertificate, makeCertificates } from "./certificate_files.ts";
import type { Terminal } from "./terminal.ts";

interface GenCertsFlags {
  readonly host?: readonly string[];
  readonly days: number;
  readonly dir: string;
  readonly force?: true;
}

/** Adds `gen-certs` to the program. */
export function addGenCerts(program: Command, terminal: Terminal): void {
  program.command("gen-certs")
    .summary("make certificates for the broker and its clients")
    .description(
      "Makes what is missing of a certificate authority (ca), the broker's certificate (server) and " +
        "one certificate per CLIENT, whose name becomes the client's identity. Each is a pair of " +
        "files, NAME.crt and NAME.key. An authority that is there signs the new certificates; a " +
        "server's certificate that is there stays, unless --host asks for another one. A client that " +
        "is named and there already is refused, and nothing is made.",
    )
    .argument(
      "[CLIENT...]",
      "the clients' names (default: sender_1 receiver_1, what is missing of them)",
    )
    .option(
      "--host <HOST...>",
      "DNS names or IP addresses of the broker besides localhost, 127.0.0.1 and ::1; clients are " +
        "named before this option",
    )
    .option("--days <N>", "how long the certificates are valid", toDays, DEFAULT_DAYS)
    .option("--dir <DIR>", "the folder of the files", "certs")
    .option(
      "--force",
      "replace the certificates and keys of the clients named; with --host, or with no client " +
        "named, the server's; never the authority's, without which all others are worthless",
    )
    .action(async (clients: string[], flags: GenCertsFlags) => {
      const made = await makeCertificates({
        dir: flags.dir,
        ...(clients.length > 0 && { clients }),
        hosts: flags.host ?? [],
        days: flags.days,
        force: flags.force === true,
      });
      if (clients.length === 0 && !flags.force) tellKept(made, terminal);
      tell(made, terminal);
    });
}

function toDays(text: string): number {
  const days = Number(text);
  if (/^\d+$/.test(text) && days >= 1 && days <= 36_500) return days;
  throw new InvalidArgumentError("It is a whole number of days from 1 to 36500.");
}

/** Nobody named them, so that they are there already is no error. */
function tellKept(made: readonly MadeCertificate[], terminal: Terminal): void {
  for (const name of DEFAULT_CLIENTS) {
    if (made.some((one) => one.kind === "client" && one.name === name)) continue;
    terminal.note(`the client ${name} is there already and stays as it is`);
  }
}

function tell(made: readonly MadeCertificate[], terminal: Terminal): void {
  if (terminal.json) {
    const results = made.map((one) => ({
      kind: one.kind,
      name: one.name,
      certificate_file: one.certificateFile,
      private_key_file: one.privateKeyFile,
      valid_until: one.notAfter.toISOString(),
    }));
    terminal.data(JSON.stringify(results));
    return;
  }
  const width = Math.max(...made.map((one) => one.certificateFile.length));
  for (const { certificateFile, privateKeyFile, notAfter } of made) {
    const day = notAfter.toISOString().slice(0, 10);
    terminal.note(`${certificateFile.padEnd(width)}  valid until ${day}  key ${privateKeyFile}`);
  }
  const authority = made.find((one) => one.kind === "authority");
  if (authority !== undefined) warnOf(authority, terminal);
  else if (made.some((one) => one.kind === "server")) {
    terminal.note("a broker that runs uses the new server certificate after a restart");
  }
}

function warnOf({ privateKeyFile }: MadeCertificate, terminal: Terminal): void {
  terminal.note(
    `warning: whoever has ${privateKeyFile} can pose as any client and as the broker.`,
  );
  terminal.note("         Keep it off the broker's machine; only gen-certs needs it.");
}
