/**
 * What the original Python pair needs: its `config.json`, its TLS line reader, its JSON and its
 * envelopes. Written from the protocol document alone, on nothing of `lib/`, so that a mistake
 * there cannot hide behind the same mistake here.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { dirname, resolve } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import sodium from "libsodium-wrappers";

await sodium.ready;

/** `asyncio.StreamReader`'s limit: a longer line is an error there. */
export const MAX_LINE_BYTES = 64 * 1024;

/** `config.json` as existing users have it. */
export interface OriginalConfig {
  receiver_client_ids: string[];
  queue_name: string;
  exchange_name: string;
  routing_key: string;
  server_address: string;
  server_port: number;
  tls: {
    protocol: string;
    certificate_path: string;
    client_cert_path: string;
    client_key_path: string;
    verify_mode: string;
    check_hostname: boolean;
  };
}

/** The six fields, in the order in which the original writes them. */
export interface OriginalEnvelope {
  message_id: string;
  receiver_client_id: string;
  enc_session_key: string;
  nonce: string;
  tag: string;
  ciphertext: string;
}

/** A raw X25519 pair. */
export interface OriginalKeys {
  publicKey: Uint8Array;
  privateKey: Uint8Array;
}

/** Reads `config.json`; the paths in it become absolute. */
export function readConfig(file: string): OriginalConfig {
  const config = JSON.parse(Deno.readTextFileSync(file)) as OriginalConfig;
  const paths = ["certificate_path", "client_cert_path", "client_key_path"] as const;
  for (const path of paths) config.tls[path] = resolve(dirname(file), config.tls[path]);
  return config;
}

/** Reads `<name>_private.key` and `<name>_public.key`: 32 raw bytes each, in base64 on one line. */
export function readKeys(folder: string, name: string): OriginalKeys {
  const read = (part: string) =>
    Uint8Array.from(
      Buffer.from(Deno.readTextFileSync(`${folder}/${name}_${part}.key`).trim(), "base64"),
    );
  return { publicKey: read("public"), privateKey: read("private") };
}

/** A new X25519 pair, made by libsodium. */
export function makeKeys(): OriginalKeys {
  const { publicKey, privateKey } = sodium.crypto_box_keypair();
  return { publicKey, privateKey };
}

/** What Python's `json.dumps(value)` gives: ", " and ": " between, and nothing but ASCII. */
export function pythonJson(value: unknown): string {
  if (typeof value === "string") return pythonString(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    return `{${
      members.map(([name, of]) => `${pythonString(name)}: ${pythonJson(of)}`).join(", ")
    }}`;
  }
  return JSON.stringify(value);
}

function pythonString(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Encrypts as the original does: a fresh session key in a sealed box, and AES-256-GCM. */
export function seal(
  text: string,
  id: string,
  receiver: string,
  publicKey: Uint8Array,
): OriginalEnvelope {
  const sessionKey = Uint8Array.from(randomBytes(32));
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", sessionKey, nonce);
  const ciphertext = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  const sealed = sodium.crypto_box_seal(sessionKey, publicKey);
  return {
    message_id: id,
    receiver_client_id: receiver,
    enc_session_key: Buffer.from(sealed).toString("base64"),
    nonce: nonce.toString("base64"),
    tag: cipher.getAuthTag().toString("base64"),
    ciphertext: ciphertext.toString("base64"),
  };
}

/** Decrypts as the original does. Throws if the message is not for these keys, or was changed. */
export function open(envelope: OriginalEnvelope, keys: OriginalKeys): string {
  const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));
  const sealed = bytes(envelope.enc_session_key);
  const sessionKey = sodium.crypto_box_seal_open(sealed, keys.publicKey, keys.privateKey);
  const decipher = createDecipheriv("aes-256-gcm", sessionKey, bytes(envelope.nonce));
  decipher.setAuthTag(bytes(envelope.tag));
  const plain = [decipher.update(bytes(envelope.ciphertext)), decipher.final()];
  return Buffer.concat(plain).toString("utf8");
}

/** One connection of an original client: writes lines, reads lines. */
export class OriginalConnection {
  readonly #socket: TLSSocket;
  readonly #lines: string[] = [];
  #partial = Buffer.alloc(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("error", (error: Error) => {
      this.#failure = error;
      this.#end();
    });
  }

  /** Connects with the configured certificate, and checks the server's chain. */
  static async open(
    { server_address, server_port, tls }: OriginalConfig,
  ): Promise<OriginalConnection> {
    const socket = connect({
      host: server_address,
      port: server_port,
      ca: Deno.readTextFileSync(tls.certificate_path),
      cert: Deno.readTextFileSync(tls.client_cert_path),
      key: Deno.readTextFileSync(tls.client_key_path),
      rejectUnauthorized: tls.verify_mode === "CERT_REQUIRED",
      minVersion: "TLSv1.3",
      ...(tls.check_hostname ? {} : { checkServerIdentity: () => undefined }),
    });
    const connection = new OriginalConnection(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("secureConnect", resolve);
    socket.once("close", () => reject(connection.#failure ?? new Error("closed in the handshake")));
    await promise;
    return connection;
  }

  /** Sends one command line. */
  send(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  /** The next line, or nothing if there is none in `withinMs`. Throws at the end of the connection. */
  async readLine(withinMs: number): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#ended) await this.#event(withinMs);
    const line = this.#lines.shift();
    if (line !== undefined || !this.#ended) return line;
    throw this.#failure ?? new Error("the broker closed the connection");
  }

  /** Closes, and returns when it is closed. */
  async close(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.end();
    this.#socket.destroySoon();
    await closed;
  }

  async #event(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, withinMs);
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #take(chunk: Uint8Array): void {
    this.#partial = Buffer.concat([this.#partial, chunk]);
    for (let end; (end = this.#partial.indexOf(10)) >= 0;) {
      if (end > MAX_LINE_BYTES) return this.#tooLong();
      this.#lines.push(this.#partial.toString("utf8", 0, end).trim());
      this.#partial = this.#partial.subarray(end + 1);
    }
    if (this.#partial.length > MAX_LINE_BYTES) return this.#tooLong();
    this.#wake?.();
  }

  #tooLong(): void {
    this.#failure = new Error("Separator is found, but chunk is longer than limit");
    this.#socket.destroy();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
