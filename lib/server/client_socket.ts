/**
 * One accepted client, seen as bytes in and bytes out: the port that hides TLS from the
 * connection, and its implementation on a verified TLS socket.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { logger } from "../base/log.ts";
import { rawReadingOf } from "../base/raw_reading.ts";
import type { Wire } from "../base/wire.ts";

/**
 * An authenticated client. Bytes that come while there is no `onData` are dropped, so the handlers
 * are set before the `onClient` call that hands it over returns. After `end`, `onData` is not called
 * any more, and a peer that has not taken the last bytes within {@linkcode CLOSE_TIMEOUT_MS} is cut off.
 */
export interface ClientSocket extends Wire {
  /** The name its verified certificate gives. */
  readonly identity: string;
  /** Its IP address; IPv4 in dotted form also where the socket speaks IPv6. */
  readonly remoteAddress: string;
}

/** How long an ending connection may take to send its last bytes, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 2_000;

/**
 * What may still arrive after `pause`, in bytes. Nothing should: more than this means that the
 * platform no longer stops reading, and a connection is worth less than the process.
 */
const MAX_HELD_BYTES = 1024 * 1024;

const log = logger("listener");

/** A {@linkcode ClientSocket} on a TLS socket whose peer has been verified. */
export class TlsClientSocket implements ClientSocket {
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
  readonly identity: string;
  readonly remoteAddress: string;
  readonly #tls: TLSSocket;
  readonly #raw: Socket;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #paused = false;
  #ending = false;
  #closed = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  /** Takes over `tls`, which runs over `raw`. Bytes flow from the next event on. */
  constructor(tls: TLSSocket, raw: Socket, identity: string, remoteAddress: string) {
    this.identity = identity;
    this.remoteAddress = remoteAddress;
    this.#tls = tls;
    this.#raw = raw;
    tls.on("data", (chunk: Uint8Array) => this.#received(chunk));
    tls.once("close", () => this.#finished());
  }

  /** Bytes written that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#tls.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#ending || !this.#tls.writable) return;
    this.#tls.write(bytes, this.#written);
  }

  pause(): void {
    if (this.#paused || this.#ending || this.#closed) return;
    this.#paused = true;
    const handle = rawReadingOf(this.#raw);
    if (handle !== undefined) handle.readStop();
    else this.destroy();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    queueMicrotask(() => this.#release());
  }

  end(last?: Uint8Array): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    this.#closeTimer = setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS);
    // Reads on and drops: closing over unread bytes would reset the connection, and the peer could
    // lose the last reply.
    this.#release();
    if (last === undefined) this.#tls.end();
    else this.#tls.end(last);
  }

  destroy(): void {
    this.#tls.destroy();
    this.#raw.destroy();
  }

  #written = (): void => {
    if (!this.#closed && this.#tls.writableLength === 0) this.onDrain?.();
  };

  #received(chunk: Uint8Array): void {
    if (this.#ending || this.#closed) return;
    if (!this.#paused && this.#held.length === 0) {
      this.onData?.(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) return;
    log.error("the platform reads from a paused connection: closed", {
      reason: "back_pressure_failed",
      identity: this.identity,
      address: this.remoteAddress,
    });
    this.destroy();
  }

  /** Hands over what came after `pause`, then lets the kernel read again. */
  #release(): void {
    while (!this.#paused && !this.#ending && !this.#closed) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#heldBytes -= chunk.length;
      this.onData?.(chunk);
    }
    if (!this.#closed && (!this.#paused || this.#ending)) rawReadingOf(this.#raw)?.readStart();
  }

  #finished(): void {
    this.#closed = true;
    clearTimeout(this.#closeTimer);
    this.#held.length = 0;
    this.onClose?.();
  }
}
