/**
 * A listener with its clients, and ways to knock, for tests over real TLS.
 *
 * @module
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import { type ClientSocket, Listener, type ListenerOptions } from "../../lib/server/listener.ts";
import {
  makeCertificate,
  makeServerCertificate,
  makeTestAuthority,
  type TestCertificate,
} from "./certificates.ts";

export const authority = await makeTestAuthority();
const server = await makeServerCertificate(authority);
export const alice = await makeCertificate(authority, { subject: "alice" });

/** A listener and the clients that it has accepted. */
export class Door implements AsyncDisposable {
  readonly clients: ClientSocket[] = [];
  listener!: Listener;
  #came = Promise.withResolvers<ClientSocket>();

  static async open(
    limits: Partial<Limits> = {},
    more: Partial<ListenerOptions> = {},
    greet: (client: ClientSocket) => void = () => {},
  ): Promise<Door> {
    const door = new Door();
    door.listener = await Listener.start({
      host: "127.0.0.1",
      port: 0,
      certificate: server.cert,
      privateKey: server.key,
      authorities: authority.certificatePem,
      limits: { ...DEFAULT_LIMITS, ...limits },
      onClient: (client) => {
        greet(client);
        door.clients.push(client);
        door.#came.resolve(client);
        door.#came = Promise.withResolvers();
      },
      ...more,
    });
    return door;
  }

  /** The next client that is accepted. Ask before connecting. */
  nextClient(): Promise<ClientSocket> {
    return this.#came.promise;
  }

  get port(): number {
    return this.listener.address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close();
  }
}

export function tlsTo(
  door: Door,
  certificate: Partial<TestCertificate>,
  options: ConnectionOptions & { localAddress?: string } = {},
): TLSSocket {
  const socket = connectTls({
    host: "127.0.0.1",
    port: door.port,
    ca: authority.certificatePem,
    servername: "localhost",
    ...certificate,
    ...options,
  });
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

/** Connects and gives both ends. */
export async function meet(door: Door, certificate = alice): Promise<[ClientSocket, TLSSocket]> {
  const came = door.nextClient();
  const socket = tlsTo(door, certificate);
  return [await within(came), socket];
}

/** Fails after ten seconds what would otherwise wait for ever. */
export async function within<T>(promise: Promise<T>): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => deadline.reject(new Error("it did not happen in time")), 10_000);
  try {
    return await Promise.race([promise, deadline.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the socket is closed. */
export function closed(socket: Socket): Promise<unknown> {
  // Not `once` of node:events, which rejects when the socket emits an error first.
  return within(
    new Promise((resolve) => socket.closed ? resolve(undefined) : socket.on("close", resolve)),
  );
}

export function tcpTo(door: Door): Socket {
  const socket = connectTcp(door.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

interface Handle {
  readStop(): void;
  readStart(): void;
}

/** Makes a client read nothing from the network any more. `pause` of a TLS socket does not. */
export function stopReading(socket: TLSSocket): void {
  handleUnder(socket).readStop();
}

/** Makes a client read again. */
export function startReading(socket: TLSSocket): void {
  handleUnder(socket).readStart();
}

function handleUnder(socket: TLSSocket): Handle {
  return (socket as unknown as { _handle: { _parent: Handle } })._handle._parent;
}
