/**
 * A connection as bytes in and bytes out: the port that hides TLS and TCP from both sides.
 *
 * @module
 */

/** One end of a connection. Set the handlers before the turn that hands it over ends. */
export interface Wire {
  /**
   * Queues bytes, which must not change afterwards. One call per event-loop turn is best. Does
   * nothing once the wire is ending or closed.
   */
  write(bytes: Uint8Array): void;
  /** Bytes written that the kernel has not taken yet. */
  readonly unsentBytes: number;
  /** Stops reading from the network, so that the peer is held up and not this memory filled. */
  pause(): void;
  /** Reads again. `onData` is never called from within. */
  resume(): void;
  /** Sends what is queued and `last`, then closes. */
  end(last?: Uint8Array): void;
  /** Closes at once; what is queued is lost. */
  destroy(): void;
  /** Bytes came. The chunk is a view of a larger buffer: copy what is kept. */
  onData?: ((chunk: Uint8Array) => void) | undefined;
  /** The kernel has taken everything written so far: `unsentBytes` is 0. */
  onDrain?: (() => void) | undefined;
  /**
   * It is closed, by whomever and for whatever reason; `cause` where the platform names one. Comes
   * once, and nothing comes after it.
   */
  onClose?: ((cause?: Error) => void) | undefined;
}
