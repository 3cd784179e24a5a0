/**
 * A TLS client that says and reads exactly what a test wants, good or bad. It reads only when it is
 * asked to, so it can also be a client that does not read.
 *
 * @module
 */
import { PATIENCE_MS } from "./processes.ts";

/** A certificate with its key, PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** One connection to a broker on this machine. */
export class RawClient {
  readonly #connection: Deno.TlsConn;
  readonly #decoder = new TextDecoder();
  #unread = "";
  #closed = false;

  private constructor(connection: Deno.TlsConn) {
    this.#connection = connection;
  }

  /** Connects and shakes hands; with TLS 1.3 a refusal comes only when reading. */
  static async connect(
    port: number,
    authority: string,
    certificate: ClientCertificate | undefined,
  ): Promise<RawClient> {
    const connection = await Deno.connectTls({
      hostname: "127.0.0.1",
      port,
      caCerts: [authority],
      ...certificate,
    });
    const client = new RawClient(connection);
    try {
      await connection.handshake();
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** Sends bytes in TLS records of their own; resolves when the system has taken them. */
  async write(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }

  /** The next line without its end; nothing when the connection ends before it. */
  async line(withinMs = PATIENCE_MS): Promise<string | undefined> {
    let end;
    while ((end = this.#unread.indexOf("\n")) < 0) {
      if (!await this.#read(withinMs)) return undefined;
    }
    const line = this.#unread.slice(0, end);
    this.#unread = this.#unread.slice(end + 1);
    return line;
  }

  /** The next `count` lines. Throws if the connection ends before. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const line = await this.line();
      if (line === undefined) throw new Error(`the connection ended after ${lines.join("\n")}`);
      lines.push(line);
    }
    return lines;
  }

  /** Sends one command and gives the next line. */
  async ask(command: string): Promise<string | undefined> {
    await this.write(`${command}\n`);
    return await this.line();
  }

  /** Everything until the connection ends, cleanly or not. */
  async rest(withinMs = PATIENCE_MS): Promise<string> {
    while (await this.#read(withinMs));
    return this.#unread;
  }

  /** Ends the connection. */
  close(): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }

  /** Reads once; false at the end of the connection. */
  async #read(withinMs: number): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, withinMs);
    try {
      const length = await this.#connection.read(buffer);
      if (length === null) return false;
      this.#unread += this.#decoder.decode(buffer.subarray(0, length), { stream: true });
      return true;
    } catch {
      // Cut off: a reset, or an alert that refuses the certificate.
      if (late) throw new Error(`nothing came in ${withinMs} ms`);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
