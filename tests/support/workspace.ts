/**
 * A folder with all that a broker and its clients need, and the processes that run in it. When its
 * scope ends, the processes are gone and none of their outputs may hold a secret.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  makeCertificate,
  makeServerCertificate,
  makeTestAuthority,
  type TestCertificate,
} from "./certificates.ts";
import {
  makeKeys,
  type OriginalConfig,
  type OriginalKeys,
  readConfig,
} from "./original_protocol.ts";
import { Program, type ProgramOptions } from "./processes.ts";
import { RawClient } from "./raw_client.ts";

/** What a workspace is made with. */
export interface WorkspaceOptions {
  /** Clients that get a certificate. Default `sender_1` and `receiver_1`. */
  clients?: readonly string[];
  /** More lines of `config.toml`. */
  configuration?: string;
  /** Where to make the folder. Default where the system has temporary files. */
  parent?: string;
}

/** A folder for one test. */
export class Workspace implements AsyncDisposable {
  /** The folder. */
  readonly folder: string;
  /** Where its brokers listen; the same after a restart. */
  readonly port: number;
  /** What no output may hold. */
  readonly secrets: string[] = [];
  /** Messages that no output may hold but what `receive` prints as its data. */
  readonly plaintexts: string[] = [];
  /** The certificate of the authority, PEM. */
  readonly authority: string;
  readonly #programs: Program[] = [];
  readonly #clients: RawClient[] = [];

  private constructor(folder: string, authority: string) {
    this.folder = folder;
    this.authority = authority;
    this.port = freePort();
  }

  /** Makes the folder with its certificates, keys and configurations. */
  static async make(options: WorkspaceOptions = {}): Promise<Workspace> {
    const authority = await makeTestAuthority();
    const folder = Deno.makeTempDirSync(
      options.parent === undefined ? {} : { dir: options.parent },
    );
    const workspace = new Workspace(folder, authority.certificatePem);
    Deno.mkdirSync(workspace.path("certs"));
    Deno.writeTextFileSync(workspace.path("certs/ca.crt"), authority.certificatePem);
    workspace.addCertificate("server", await makeServerCertificate(authority));
    for (const client of options.clients ?? ["sender_1", "receiver_1"]) {
      workspace.addCertificate(client, await makeCertificate(authority, { subject: client }));
      workspace.addKeys(client);
    }
    workspace.#configure(options.configuration ?? "");
    return workspace;
  }

  /** A path in the folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes `certs/<name>.crt` and `.key`. */
  addCertificate(name: string, { cert, key }: TestCertificate): void {
    Deno.writeTextFileSync(this.path(`certs/${name}.crt`), cert);
    this.#writeSecret(`certs/${name}.key`, key);
    this.secrets.push(
      ...key.split("\n").filter((line) => line.length > 20 && !line.startsWith("-")),
    );
  }

  /** Writes `certs/<name>_private.key` and `_public.key`. */
  addKeys(name: string): OriginalKeys {
    const keys = makeKeys();
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
    this.#writeSecret(`certs/${name}_private.key`, `${base64(keys.privateKey)}\n`);
    Deno.writeTextFileSync(this.path(`certs/${name}_public.key`), `${base64(keys.publicKey)}\n`);
    this.secrets.push(base64(keys.privateKey));
    return keys;
  }

  /** A `config.json` of an original client in the folder; with `changes` to the example's names. */
  originalConfig(client: string, changes: Partial<OriginalConfig> = {}): OriginalConfig {
    const config = {
      receiver_client_ids: ["receiver_1"],
      queue_name: "receiver_1",
      exchange_name: "ciphermq",
      routing_key: "receiver_1",
      server_address: "127.0.0.1",
      server_port: this.port,
      tls: {
        protocol: "PROTOCOL_TLS_CLIENT",
        certificate_path: "certs/ca.crt",
        client_cert_path: `certs/${client}.crt`,
        client_key_path: `certs/${client}.key`,
        verify_mode: "CERT_REQUIRED",
        check_hostname: false,
      },
      ...changes,
    };
    const file = this.path(`${client}.json`);
    Deno.writeTextFileSync(file, JSON.stringify(config));
    return readConfig(file);
  }

  /**
   * Runs the program in the folder, as a client of the workspace's broker or as the broker. It is
   * killed at the end at the latest.
   */
  run(args: readonly string[], options: Omit<ProgramOptions, "cwd"> = {}): Program {
    const env = {
      CIPHERMQ_SERVER: `127.0.0.1:${this.port}`,
      // A client that outlives a test run which was cut off must not try for ever.
      CIPHERMQ_RECONNECT_FOR: "120",
      ...options.env,
    };
    const program = new Program(args, { cwd: this.folder, ...options, env });
    this.#programs.push(program);
    return program;
  }

  /** Starts a broker and waits until it listens. */
  async serve(options: Omit<ProgramOptions, "cwd"> = {}): Promise<Program> {
    const broker = this.run(["serve"], options);
    await broker.event("listening");
    return broker;
  }

  /** Runs `send --as sender_1 --to receiver_1` with more arguments. */
  send(...args: readonly string[]): Program {
    return this.run(["send", "--as", "sender_1", "--to", "receiver_1", ...args]);
  }

  /** Runs `receive --as receiver_1` with more arguments. */
  receive(...args: readonly string[]): Program {
    return this.run(["receive", "--as", "receiver_1", ...args]);
  }

  /** Connects a bare TLS client with the certificate of `name`, or with one that is given. */
  async connect(name: string | TestCertificate | undefined): Promise<RawClient> {
    const certificate = typeof name === "string"
      ? {
        cert: Deno.readTextFileSync(this.path(`certs/${name}.crt`)),
        key: Deno.readTextFileSync(this.path(`certs/${name}.key`)),
      }
      : name;
    const client = await RawClient.connect(this.port, this.authority, certificate);
    this.#clients.push(client);
    return client;
  }

  /** Ends everything, and looks for secrets in all that was printed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const program of this.#programs) await program[Symbol.asyncDispose]();
    Deno.removeSync(this.folder, { recursive: true });
    for (const program of this.#programs) this.#searchForSecrets(program);
  }

  #searchForSecrets({ args, stdout, stderr }: Program): void {
    const printed = stdout.text + stderr.text;
    const found = this.secrets.findIndex((secret) => printed.includes(secret));
    assert(found === -1, `the output of ${args[0]} holds secret ${found}`);
    const told = args[0] === "receive" ? stderr.text : printed;
    const plain = this.plaintexts.findIndex((text) => text !== "" && told.includes(text));
    assert(plain === -1, `the output of ${args[0]} holds plaintext ${plain}`);
  }

  #configure(more: string): void {
    const aesKey = randomBytes(32).toString("base64");
    this.secrets.push(aesKey);
    this.#writeSecret(
      "config.toml",
      `[server]
connection_type = "tls"
address = "127.0.0.1:${this.port}"

[tls]
cert_path = "certs/server.crt"
key_path = "certs/server.key"
ca_cert_path = "certs/ca.crt"

[database]
dbname = "broker.db"

[encryption]
aes_key = "${aesKey}"

${more}`,
    );
  }

  #writeSecret(name: string, content: string): void {
    Deno.writeTextFileSync(this.path(name), content, { mode: 0o600 });
  }
}

/**
 * A port for a broker that is to be found again after a restart: below those that systems give to
 * outgoing connections, which could take it meanwhile.
 */
function freePort(): number {
  while (true) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
