/**
 * What a broker is started with, and `config.toml`, the file that says it.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import {
  checkConfiguration,
  configurationError,
  isOpenToOthers,
  readConfiguredFile,
  readSecretFile,
} from "../base/configuration.ts";
import { AssertionError } from "../base/assert.ts";
import { isIdentity } from "../base/identity_name.ts";
import { assertLimits, DEFAULT_LIMITS, type Limits } from "../base/limits.ts";
import { AES_KEY_BYTES } from "../store/key_vault.ts";

export { AES_KEY_BYTES };

/** Everything a broker needs, with the files' contents instead of their paths. */
export interface ServerOptions {
  /** The address to listen on, such as `127.0.0.1`, `::1` or a host name. */
  host: string;
  /** The TCP port; 0 takes a free one. */
  port: number;
  /** The server's certificate, PEM; intermediate certificates may follow it. */
  certificate: string;
  /** The private key of the certificate, PEM. */
  privateKey: string;
  /** The certificates of the authorities whose clients may connect, PEM. */
  authorities: string;
  /** The oldest TLS version that clients may speak. */
  minTlsVersion: "TLSv1.3" | "TLSv1.2";
  /** The path of the SQLite database. */
  databasePath: string;
  /** 32 bytes: the AES-256-GCM key under which registered keys are stored. */
  aesKey: Uint8Array;
  /** What the broker allows its peers. */
  limits: Limits;
  /** The identities that may back up the database. Default: none. */
  admins?: readonly string[];
}

/** How much the log says. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** What `config.toml` gives. */
export interface ServerFileOptions extends ServerOptions {
  /** `[log] level`, if the file has one. */
  logLevel?: LogLevel;
  /** The file itself, if the AES key is in it and others than its owner can read it. */
  exposedKeyFile?: string;
}

/** The environment variable that wins over `aes_key` and `aes_key_file`. */
export const AES_KEY_VARIABLE = "CIPHERMQ_AES_KEY";

const NEW_KEY_HINT =
  "make a key with `openssl rand -base64 32`, or a whole set with `ciphermq init`";
const BASE64_KEY = /^[A-Za-z0-9+/]{43}=$/;
const AN_ADDRESS = 'host:port, as in "127.0.0.1:5672" or "[::1]:5672"';
const A_CLIENT = "expected a client's name: 1 to 64 letters, digits, '.', '_' or '-'";
const MAX_PORT = 65_535;
const ADDRESS = /^(?:\[([0-9A-Fa-f:.%]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

function text(expected: string): z.ZodString {
  return z.string({ error: `expected ${expected}` }).min(1, { error: `expected ${expected}` });
}

function section<T extends z.ZodRawShape>(name: string, shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => issue.code === "invalid_type" ? `expected a section [${name}]` : undefined,
  });
}

/** `maxLineBytes` is `max_line_bytes` in the file. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const limitNames = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
const positive = z.int({ error: "expected a positive whole number" })
  .positive({ error: "expected a positive whole number" });

const schema = z.strictObject({
  server: section("server", {
    connection_type: z.literal("tls", {
      error: 'expected "tls": every connection is mutual TLS, there is no other kind',
    }),
    address: text(AN_ADDRESS).transform((value, context) => {
      const parsed = parseAddress(value);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: `expected ${AN_ADDRESS}` });
      return z.NEVER;
    }),
  }),
  tls: section("tls", {
    cert_path: text("the path of the server's certificate"),
    key_path: text("the path of the server's private key"),
    ca_cert_path: text("the path of the certificate authority's certificate"),
    min_version: z.enum(["1.3", "1.2"], { error: 'expected "1.3" or "1.2"' }).default("1.3"),
  }),
  database: section("database", { dbname: text("the path of the database") }),
  encryption: section("encryption", {
    aes_key: z.string({ error: "expected the base64 of 32 bytes" }).optional(),
    aes_key_file: text("the path of a file with the base64 of 32 bytes").optional(),
  }).optional(),
  limits: section(
    "limits",
    Object.fromEntries(limitNames.map((name) => [snakeCase(name), positive.optional()])),
  ).optional(),
  acl: section("acl", {
    admins: z.array(
      z.string({ error: A_CLIENT }).refine(isIdentity, { error: A_CLIENT }),
      { error: 'expected a list of clients\' names, as in ["admin"]' },
    ).optional(),
  }).optional(),
  log: section("log", {
    level: z.enum(["debug", "info", "warning", "error"], {
      error: 'expected "debug", "info", "warning" or "error"',
    }).optional(),
  }).optional(),
});

type File = z.infer<typeof schema>;

/** The environment, such as `process.env`. Only {@linkcode AES_KEY_VARIABLE} is asked for. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `config.toml` and the files that it names. Relative paths start at the file's folder.
 * Throws `configuration`, naming the file, the key and what is expected; never a value.
 */
export function readServerOptions(path: string, env: Environment): ServerFileOptions {
  const content = readConfiguredFile(path, "the configuration", "make one with `ciphermq init`");
  const file = checkConfiguration(schema, parseToml(content, path), path);
  const from = (relative: string) => resolve(dirname(path), relative);
  const encryption = file.encryption ?? {};
  return {
    ...file.server.address,
    certificate: readPem(from(file.tls.cert_path), "the server's certificate", "CERTIFICATE"),
    privateKey: readPem(from(file.tls.key_path), "the server's private key", "PRIVATE KEY"),
    authorities: readPem(from(file.tls.ca_cert_path), "the CA certificate", "CERTIFICATE"),
    minTlsVersion: file.tls.min_version === "1.2" ? "TLSv1.2" : "TLSv1.3",
    databasePath: from(file.database.dbname),
    aesKey: readAesKey(encryption, env, path, from),
    limits: readLimits(file.limits ?? {}, path),
    admins: file.acl?.admins ?? [],
    ...(file.log?.level !== undefined && { logLevel: file.log.level }),
    ...(BASE64_KEY.test(encryption.aes_key ?? "") && isOpenToOthers(path, "the configuration") && {
      exposedKeyFile: path,
    }),
  };
}

function parseToml(content: string, path: string): unknown {
  try {
    return parse(content);
  } catch (error) {
    // The library's own text quotes the lines around the mistake, and one may be the key's.
    const place = error instanceof TomlError
      ? ` at line ${error.line}, column ${error.column}`
      : "";
    throw configurationError(path, `it is not valid TOML${place}`);
  }
}

/** Takes `host:port` or `[IPv6]:port` apart; gives nothing for what is neither. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, digits] = ADDRESS.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > MAX_PORT ? undefined : { host, port };
}

function readPem(file: string, what: string, label: "CERTIFICATE" | "PRIVATE KEY"): string {
  const hint = "make certificates with `ciphermq init` or `ciphermq gen-certs`";
  const read = label === "PRIVATE KEY" ? readSecretFile : readConfiguredFile;
  const content = read(file, what, hint);
  if (!content.includes(`${label}-----`)) {
    throw configurationError(file, `${what} is not PEM with a ${label}`, hint);
  }
  return content;
}

function readAesKey(
  encryption: NonNullable<File["encryption"]>,
  env: Environment,
  path: string,
  from: (relative: string) => string,
): Uint8Array {
  const given = env[AES_KEY_VARIABLE];
  if (given !== undefined && given !== "") {
    return decodeKey(given.trim(), AES_KEY_VARIABLE, "its value");
  }
  const { aes_key: inline, aes_key_file: file } = encryption;
  if (inline !== undefined && file !== undefined) {
    throw configurationError(path, "encryption has aes_key and aes_key_file: expected one of them");
  }
  if (file !== undefined) {
    if (BASE64_KEY.test(file)) {
      // Read as a path, the key would be in the error's text.
      throw configurationError(
        path,
        "encryption.aes_key_file is wrong: expected a path, not a key",
      );
    }
    const content = readSecretFile(from(file), "the AES key", NEW_KEY_HINT);
    return decodeKey(content.trim(), from(file), "its content");
  }
  if (inline !== undefined) return decodeKey(inline, path, "encryption.aes_key");
  throw configurationError(
    path,
    `encryption.aes_key is missing: expected aes_key, aes_key_file or ${AES_KEY_VARIABLE}`,
    NEW_KEY_HINT,
  );
}

function decodeKey(base64: string, source: string, key: string): Uint8Array {
  if (BASE64_KEY.test(base64)) return Uint8Array.fromBase64(base64);
  const problem = /^(YOUR_)?BASE64/i.test(base64)
    ? `${key} is still the placeholder`
    : `${key} is wrong`;
  throw configurationError(
    source,
    `${problem}: expected the base64 of ${AES_KEY_BYTES} bytes`,
    NEW_KEY_HINT,
  );
}

function readLimits(section: Readonly<Record<string, number | undefined>>, path: string): Limits {
  const given = limitNames.flatMap((name) => {
    const value = section[snakeCase(name)];
    return value === undefined ? [] : [[name, value] as const];
  });
  const limits: Limits = { ...DEFAULT_LIMITS, ...Object.fromEntries(given) };
  try {
    assertLimits(limits);
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    const rule = snakeCase(error.message.replace(/^internal error: /, ""));
    throw configurationError(path, `limits do not fit each other: expected that ${rule}`);
  }
  return limits;
}
