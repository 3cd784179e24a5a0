/**
 * Certificates as files: `ca`, `server` and one pair per client, each `<name>.crt` and `<name>.key`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readConfiguredFile, readSecretFile } from "../lib/base/configuration.ts";
import { CipherMqError } from "../lib/base/errors.ts";
import { systemError } from "../lib/base/system_error.ts";
import {
  type Authority,
  type CertificateAndKey,
  createAuthority,
  loadAuthority,
} from "../lib/pki/authority.ts";
import { issueClientCertificate, issueServerCertificate } from "../lib/pki/certificate.ts";

/** The clients that get certificates when none is named. */
export const DEFAULT_CLIENTS: readonly string[] = ["sender_1", "receiver_1"];

/** What {@linkcode makeCertificates} is to make, and where. */
export interface MakeCertificatesOptions {
  /** The folder; made with mode 0700 if it is missing. */
  readonly dir: string;
  /**
   * The clients. Default those of `sender_1` and `receiver_1` that are missing; with `force`, both
   * where there is no authority, otherwise none.
   */
  readonly clients?: readonly string[];
  /** Host names and addresses of the server besides this machine's own. Default none. */
  readonly hosts?: readonly string[];
  /** For how many days the server's and clients' certificates are valid. Default 365. */
  readonly days?: number;
  /**
   * Whether certificates that are there are replaced: those of the clients named, and the server's
   * if hosts or no clients are named. Never the authority's, without which no other certificate
   * works any more. Default false.
   */
  readonly force?: boolean;
}

/** One certificate that was made, and its files. */
export interface MadeCertificate {
  /** Whose it is. */
  readonly kind: "authority" | "server" | "client";
  /** The files' name without its ending: `ca`, `server` or the client's identity. */
  readonly name: string;
  /** Path of the certificate. */
  readonly certificateFile: string;
  /** Path of the private key. */
  readonly privateKeyFile: string;
  /** The last moment it is valid. */
  readonly notAfter: Date;
}

type Kind = MadeCertificate["kind"];

interface Made extends MadeCertificate {
  readonly content: CertificateAndKey;
}

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY = 0o600;
const ALL_MAY_READ = 0o644;

/**
 * Makes what is missing of an authority, a server's certificate and clients' certificates, and
 * gives what it made. An authority that is there is reused; so is a server's certificate unless it
 * is asked for. Writes nothing at all if one of the files must not be written.
 *
 * @throws {CipherMqError} `already_exists` when a file is there and may not be replaced,
 * `invalid_name` and `usage` for names and hosts that cannot be used, `configuration` when the
 * authority's files cannot be used.
 */
export async function makeCertificates(
  options: MakeCertificatesOptions,
): Promise<MadeCertificate[]> {
  const plan = inspect(options);
  const authority = plan.hasAuthority ? await readAuthority(options.dir) : await createAuthority();
  const made: Made[] = [];
  if (!plan.hasAuthority) made.push(named(options.dir, "authority", "ca", authority));
  if (plan.server) {
    const server = await issueServerCertificate(authority, validityAnd(options));
    made.push(named(options.dir, "server", "server", server));
  }
  for (const name of plan.clients) {
    const client = await issueClientCertificate(authority, name, validityAnd(options));
    made.push(named(options.dir, "client", name, client));
  }
  await writeAll(options.dir, made, options.force === true);
  return made.map(({ content: _, ...rest }) => rest);
}

/** What is to be made, when nothing stands against it. */
function inspect(options: MakeCertificatesOptions): Plan {
  try {
    const plan = planOf(options);
    refuseToReplace(plan, options);
    return plan;
  } catch (error) {
    throw systemError("configuration", `cannot look into ${options.dir}`, error);
  }
}

/** What a run makes. */
interface Plan {
  readonly hasAuthority: boolean;
  readonly server: boolean;
  readonly clients: readonly string[];
}

function planOf({ dir, clients, hosts = [], force = false }: MakeCertificatesOptions): Plan {
  const hasAuthority = requireWholeAuthority(dir);
  const hasServer = presentOf(dir, "server") !== undefined;
  const renewsServer = hosts.length > 0 || (force && clients === undefined);
  const unnamed = DEFAULT_CLIENTS.filter((name) =>
    force ? !hasAuthority : presentOf(dir, name) === undefined
  );
  return {
    hasAuthority,
    server: !hasServer || renewsServer,
    clients: [...new Set(clients ?? unnamed)].map(requireFreeName),
  };
}

/** Whether there is an authority. Half of one is an error: a new one would make all else useless. */
function requireWholeAuthority(dir: string): boolean {
  const [certificate, key] = pathsOf(dir, "ca");
  if (existsSync(certificate) === existsSync(key)) return existsSync(key);
  const [there, missing] = existsSync(key) ? [key, certificate] : [certificate, key];
  throw new CipherMqError(
    "configuration",
    `cannot sign certificates: ${there} is there, but ${missing} is not`,
    { hint: `bring ${missing} back, or make a new authority in another folder with --dir` },
  );
}

/** Refuses names whose files are somebody else's; whether it can be an identity is checked later. */
function requireFreeName(name: string): string {
  if (/^(?:ca|server)$/i.test(name) || /_(?:private|public)$/i.test(name)) {
    throw new CipherMqError(
      "usage",
      `cannot name a client ${name}: the file ${name}.key has another meaning`,
      { hint: "ca, server, *_private and *_public are taken; choose another name" },
    );
  }
  return name;
}

function refuseToReplace(plan: Plan, { dir, force = false }: MakeCertificatesOptions): void {
  if (force) return;
  const names = plan.server ? ["server", ...plan.clients] : plan.clients;
  for (const name of names) {
    const present = presentOf(dir, name);
    if (present !== undefined) throw alreadyThere(present);
  }
}

async function readAuthority(dir: string): Promise<Authority> {
  const [certificate, key] = pathsOf(dir, "ca");
  const texts = [
    readConfiguredFile(certificate, "the authority's certificate"),
    readSecretFile(key, "the authority's private key"),
  ] as const;
  try {
    return await loadAuthority(...texts);
  } catch (error) {
    if (!(error instanceof CipherMqError)) throw error;
    throw new CipherMqError(error.code, `${error.message} (${certificate}, ${key})`, {
      hint: "make a new authority in another folder with --dir",
      cause: error,
    });
  }
}

function validityAnd(
  { hosts = [], days }: MakeCertificatesOptions,
): { hosts: readonly string[]; days?: number } {
  return days === undefined ? { hosts } : { hosts, days };
}

function named(dir: string, kind: Kind, name: string, content: CertificateAndKey): Made {
  const [certificateFile, privateKeyFile] = pathsOf(dir, name);
  return { kind, name, certificateFile, privateKeyFile, notAfter: content.notAfter, content };
}

function pathsOf(dir: string, name: string): [certificate: string, key: string] {
  return [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
}

function presentOf(dir: string, name: string): string | undefined {
  return pathsOf(dir, name).find((path) => existsSync(path));
}

/** Writes every file, or leaves none of its new ones behind. */
async function writeAll(dir: string, made: readonly Made[], force: boolean): Promise<void> {
  const created: string[] = [];
  const write = async (path: string, text: string, mode: number) => {
    if (force && existsSync(path)) return await replaceFile(path, text, mode);
    await createFile(path, text, mode);
    created.push(path);
  };
  try {
    await mkdir(dir, { recursive: true, mode: OWNER_ONLY_FOLDER });
    for (const { privateKeyFile, certificateFile, content } of made) {
      await write(privateKeyFile, content.privateKeyPem, OWNER_ONLY);
      await write(certificateFile, content.certificatePem, ALL_MAY_READ);
    }
  } catch (error) {
    for (const path of created) await rm(path, { force: true });
    throw systemError("configuration", `cannot write certificates into ${dir}`, error);
  }
}

/** Fails if something is there, so that no prepared file or link is written to. */
async function createFile(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, "wx", mode).catch((error) => {
    throw error.code === "EEXIST" ? alreadyThere(path, error) : error;
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts a new file in the old one's place: written into, the old one would keep its mode. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.${crypto.randomUUID()}`;
  await createFile(fresh, text, mode);
  await rename(fresh, path).catch(async (error) => {
    await rm(fresh, { force: true });
    throw error;
  });
}

function alreadyThere(path: string, cause?: unknown): CipherMqError {
  return new CipherMqError("already_exists", `cannot write ${path}: the file is there already`, {
    hint: "--force replaces the certificate and the private key; choose another name to keep them",
    cause,
  });
}
