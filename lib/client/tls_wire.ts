/**
 * A client's end of a TLS connection.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { rawReadingOf } from "../base/raw_reading.ts";
import type { Wire } from "../base/wire.ts";

/** A {@linkcode Wire} on a TLS socket that has shaken hands. */
export class TlsWire implements Wire {
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  onClose: ((cause?: Error) => void) | undefined;
  readonly #tls: TLSSocket;
  /** Carries it; only here can reading be stopped. */
  readonly #raw: Socket;
  #cause: Error | undefined;

  /** Takes over `tls`, which runs over `raw`. Bytes flow from the next event on. */
  constructor(tls: TLSSocket, raw: Socket) {
    this.#tls = tls;
    this.#raw = raw;
    tls.on("data", (chunk: Uint8Array) => this.onData?.(chunk));
    tls.on("error", (cause: Error) => this.#failed(cause));
    tls.on("close", () => this.#finished());
    // Without a listener an error of the socket would end the process; "close" tells what matters.
    raw.on("error", () => {});
  }

  /** Bytes written that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#tls.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#tls.writable) this.#tls.write(bytes, this.#written);
  }

  pause(): void {
    const handle = rawReadingOf(this.#raw);
    // Where reading cannot be stopped, the connection is worth less than the memory.
    if (handle !== undefined) handle.readStop();
    else this.destroy();
  }

  resume(): void {
    rawReadingOf(this.#raw)?.readStart();
  }

  end(last?: Uint8Array): void {
    if (last === undefined) this.#tls.end();
    else this.#tls.end(last);
  }

  destroy(): void {
    this.#tls.destroy();
    this.#raw.destroy();
  }

  #written = (): void => {
    if (!this.#tls.destroyed && this.#tls.writableLength === 0) this.onDrain?.();
  };

  #failed(cause: Error): void {
    this.#cause ??= cause;
    this.destroy();
  }

  #finished(): void {
    this.#raw.destroy();
    this.onClose?.(this.#cause);
  }
}
