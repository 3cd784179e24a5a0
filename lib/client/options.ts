/**
 * `config.json`, the file that tells a client where the broker is and who it is itself.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import {
  checkConfiguration,
  configurationError,
  readConfiguredFile,
} from "../base/configuration.ts";
import { nameProblem } from "../base/names.ts";

/** Where a client's certificates are, as far as its file says so; absolute paths. */
export interface ClientFileTls {
  /** The certificate of the authority that the broker's certificate must come from. */
  caPath?: string;
  /** The client's own certificate. */
  certPath?: string;
  /** The private key of the client's certificate. */
  keyPath?: string;
  /** Whether the broker's certificate must be for the host connected to; its chain always counts. */
  checkHostname: boolean;
}

/** What `config.json` gives. What the file leaves out is absent, unless a default is named here. */
export interface ClientFileOptions {
  /** Whom to send to when nothing else says so. Default: nobody. */
  receivers: string[];
  /** The queue for all receivers; absent, each receiver's queue is its identity. */
  queue?: string;
  /** The exchange; absent, it is `ciphermq`. */
  exchange?: string;
  /** The routing key for all receivers; absent, each receiver's is its identity. */
  routingKey?: string;
  /** The broker's address. Default `127.0.0.1`. */
  host: string;
  /** The broker's TCP port. Default 5672. */
  port: number;
  /** The certificates. */
  tls: ClientFileTls;
}

/** The broker's address when nothing else says so. */
export const DEFAULT_HOST = "127.0.0.1";
/** The broker's port when nothing else says so. */
export const DEFAULT_PORT = 5672;

const A_NAME = "expected a name without spaces and control characters";
const A_PORT = "expected a port from 1 to 65535";

function text(expected: string): z.ZodString {
  return z.string({ error: expected }).min(1, { error: expected });
}

const name = text(A_NAME).refine((value) => nameProblem(value) === undefined, { error: A_NAME });
const path = text("expected a path");

const tlsSchema = z.strictObject({
  protocol: z.enum(["PROTOCOL_TLS_CLIENT", "PROTOCOL_TLS"], {
    error: 'expected "PROTOCOL_TLS_CLIENT", or leave it out',
  }).optional(),
  certificate_path: path.optional(),
  client_cert_path: path.optional(),
  client_key_path: path.optional(),
  verify_mode: z.literal("CERT_REQUIRED", {
    error: 'expected "CERT_REQUIRED": the broker\'s certificate is always verified',
  }).optional(),
  check_hostname: z.boolean({ error: "expected true or false" }).default(true),
}, { error: "expected an object" });

const schema = z.strictObject({
  receiver_client_ids: z.union([name.transform((one) => [one]), z.array(name)], {
    error: "expected a list of names",
  }).default([]),
  queue_name: name.optional(),
  exchange_name: name.optional(),
  routing_key: name.optional(),
  server_address: text("expected a host name or address").default(DEFAULT_HOST),
  server_port: z.int({ error: A_PORT }).min(1, { error: A_PORT }).max(65_535, { error: A_PORT })
    .default(DEFAULT_PORT),
  tls: tlsSchema.default({ check_hostname: true }),
}, { error: (issue) => issue.code === "invalid_type" ? "expected a JSON object" : undefined });

/**
 * Reads `config.json`. Relative paths start at the file's folder; the files they name are not read.
 * Keys that this program does not know are errors: one that is spelled wrong would else be ignored
 * silently. Throws `configuration`, naming the file, the key and what is expected.
 */
export function readClientOptions(file: string): ClientFileOptions {
  const content = readConfiguredFile(file, "the configuration", "make one with `ciphermq init`");
  const given = checkConfiguration(schema, parseJson(content, file), file);
  const from = (relative: string) => resolve(dirname(file), relative);
  const { tls } = given;
  return {
    receivers: given.receiver_client_ids,
    ...(given.queue_name !== undefined && { queue: given.queue_name }),
    ...(given.exchange_name !== undefined && { exchange: given.exchange_name }),
    ...(given.routing_key !== undefined && { routingKey: given.routing_key }),
    host: given.server_address,
    port: given.server_port,
    tls: {
      ...(tls.certificate_path !== undefined && { caPath: from(tls.certificate_path) }),
      ...(tls.client_cert_path !== undefined && { certPath: from(tls.client_cert_path) }),
      ...(tls.client_key_path !== undefined && { keyPath: from(tls.client_key_path) }),
      checkHostname: tls.check_hostname,
    },
  };
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    const place = error instanceof Error
      ? /line \d+ column \d+/.exec(error.message)?.[0]
      : undefined;
    throw configurationError(file, `it is not valid JSON${place ? ` at ${place}` : ""}`);
  }
}
