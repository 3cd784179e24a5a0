/**
 * A small broker for tests of the clients: real mTLS, lines as PROTOCOL.md has them, everything in
 * memory, and faults on demand. It shares no code with the project's wire or server.
 *
 * @module
 */
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import type { ConnectionOptions } from "../../lib/client/connection.ts";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";

interface Peer {
  readonly socket: tls.TLSSocket;
  readonly name: string;
  buffer: string;
  queue: string | undefined;
  leased: Stored[];
}

interface Stored {
  readonly id: string;
  readonly json: string;
}

/** Decides about a line before the broker does: a reply, `false` to say nothing, or nothing. */
export type Intercept = (line: string, name: string) => string | false | undefined;

/** A broker that does as it is told. */
export class ScriptedBroker {
  readonly #server: tls.Server;
  readonly #peers = new Set<Peer>();
  readonly #bindings = new Map<string, Set<string>>();
  readonly #published = new Map<string, string>();
  readonly #changed = new Set<() => void>();
  readonly keys = new Map<string, string>();
  readonly queues = new Map<string, Stored[]>();
  readonly exchanges = new Set<string>();
  /** Every line received, as `name: line`. */
  readonly lines: string[] = [];
  /** Every id confirmed as acknowledged. */
  readonly acked: string[] = [];
  /** Every refusal, as `id reason`. */
  readonly refused: string[] = [];
  connections = 0;
  intercept: Intercept = () => undefined;
  #port = 0;

  private constructor(server: tls.Server) {
    this.#server = server;
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    server.on("secureConnection", (socket) => this.#accept(socket));
  }

  /**
   * Starts one on a free port. Its certificate is from the authority `label` and for this machine, or,
   * with `elsewhere`, for another one.
   */
  static async start(
    options: { label?: string; elsewhere?: boolean } = {},
  ): Promise<ScriptedBroker> {
    const authority = await makeTestAuthority(options.label ?? "main");
    const { cert, key } = await makeCertificate(authority, {
      subject: options.elsewhere ? "elsewhere.example" : "CipherMQ-Server",
      // Without a usage it gets no names besides its subject either.
      eku: options.elsewhere ? [] : ["serverAuth"],
    });
    const ca = (await makeTestAuthority()).certificatePem;
    const server = tls.createServer({
      cert,
      key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
    });
    const broker = new ScriptedBroker(server);
    await broker.listen();
    return broker;
  }

  /** Listens (again, on the same port). */
  listen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(this.#port, "127.0.0.1", () => {
      this.#port = (this.#server.address() as AddressInfo).port;
      resolve();
    });
    return promise;
  }

  /** Where it listens. */
  get port(): number {
    return this.#port;
  }

  /** How a client called `name` reaches it. */
  async clientOptions(name: string): Promise<ConnectionOptions> {
    const authority = await makeTestAuthority();
    const { cert, key } = await makeCertificate(authority, { subject: name });
    const authorities = authority.certificatePem;
    return {
      host: "127.0.0.1",
      port: this.#port,
      credentials: { certificate: cert, privateKey: key, authorities },
    };
  }

  /** Makes a queue bound as the clients do by default. */
  bindQueue(queue: string, exchange = "ciphermq", routingKey = queue): void {
    this.exchanges.add(exchange);
    if (!this.queues.has(queue)) this.queues.set(queue, []);
    const route = `${exchange} ${routingKey}`;
    this.#bindings.set(route, (this.#bindings.get(route) ?? new Set()).add(queue));
  }

  /** Cuts every connection. */
  cut(): void {
    for (const { socket } of this.#peers) socket.destroy();
  }

  /** Resolves when `condition` holds; looked at after every line and connection. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changed.add(resolve);
      await promise;
      this.#changed.delete(resolve);
    }
  }

  /** Cuts everybody and stops listening; {@linkcode listen} starts again. */
  stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.cut();
    return promise;
  }

  #accept(socket: tls.TLSSocket): void {
    const name = String(socket.getPeerCertificate().subject.CN);
    const peer: Peer = { socket, name, buffer: "", queue: undefined, leased: [] };
    this.#peers.add(peer);
    this.connections++;
    socket.on("error", () => {});
    socket.on("close", () => this.#gone(peer));
    socket.on("data", (chunk) => {
      peer.buffer += chunk.toString();
      const lines = peer.buffer.split("\n");
      peer.buffer = lines.pop()!;
      for (const line of lines) if (!socket.destroyed) this.#line(peer, line);
    });
    this.#wake();
  }

  #gone(peer: Peer): void {
    this.#peers.delete(peer);
    if (peer.queue !== undefined) this.queues.get(peer.queue)?.unshift(...peer.leased);
    this.#push();
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#changed) resolve();
  }

  #line(peer: Peer, line: string): void {
    this.lines.push(`${peer.name}: ${line}`);
    const told = this.intercept(line, peer.name);
    const reply = told === undefined ? this.#reply(peer, line) : told;
    if (reply !== false) peer.socket.write(`${reply}\n`);
    this.#push();
    this.#wake();
  }

  #reply(peer: Peer, line: string): string {
    const [verb, a = "", b = "", c = ""] = line.split(" ");
    const rest = line.split(" ").slice(3).join(" ");
    switch (verb) {
      case "heartbeat":
        return "HEARTBEAT_OK";
      case "register_key":
        this.keys.set(a, b);
        return "Public key registered";
      case "get_key":
        return this.keys.has(a) ? `Public key: ${this.keys.get(a)}` : "No public key found";
      case "declare_queue":
        if (!this.queues.has(a)) this.queues.set(a, []);
        return "Queue declared";
      case "declare_exchange":
        this.exchanges.add(a);
        return "Exchange declared";
      case "bind":
        this.bindQueue(a, b, c);
        return "Queue bound";
      case "consume":
        peer.queue = a;
        return "Subscribed to queue";
      case "publish":
        return this.#publish(`${a} ${b}`, JSON.parse(rest.replace(/ ttl_ms=\d+$/, "")), false);
      case "publish_batch":
        return JSON.parse(rest).map((one: { message_id: string }) =>
          this.#publish(`${a} ${b}`, one, true)
        ).join("\n");
      case "ack":
        peer.leased = peer.leased.filter((one) => one.id !== a);
        this.acked.push(a);
        return `ACK_CONFIRMED ${a}`;
      case "nack":
        peer.leased = peer.leased.filter((one) => one.id !== a);
        this.refused.push(`${a} ${rest}`);
        return `NACK_CONFIRMED ${a}`;
      case "touch":
        return peer.leased.some((one) => one.id === a) ? `TOUCHED ${a}` : "Error: not held";
      default:
        return "Unknown command";
    }
  }

  #publish(route: string, envelope: { message_id: string }, batch: boolean): string {
    const id = envelope.message_id;
    const json = JSON.stringify(envelope);
    const about = batch ? ` for message ${id}` : "";
    const known = this.#published.get(id);
    if (known !== undefined && known !== json) {
      return `Error: this message id was already used for another message${about}`;
    }
    if (known === undefined) {
      const queues = this.#bindings.get(route);
      if (queues === undefined) return `Error: no queue is bound with that routing key${about}`;
      this.#published.set(id, json);
      for (const queue of queues) this.queues.get(queue)!.push({ id, json });
    }
    return `ACK ${id}`;
  }

  #push(): void {
    for (const peer of this.#peers) {
      if (peer.queue === undefined || peer.socket.destroyed) continue;
      const waiting = this.queues.get(peer.queue)?.splice(0) ?? [];
      peer.leased.push(...waiting);
      for (const { id, json } of waiting) peer.socket.write(`Message: ${id} ${json}\n`);
    }
  }
}
