/**
 * Stops and starts reading from the network under a TLS connection, on either side of it.
 *
 * @module
 */
import type { Socket } from "node:net";

/** The kernel's socket under a `net.Socket`. */
export interface RawReading {
  /** Reads nothing more, so that the peer is held up. */
  readStop(): void;
  /** Reads again. */
  readStart(): void;
}

/**
 * The handle that really stops reading, if the platform gives it. Pausing the TLS socket does not,
 * and `pause` of the raw socket stops but `resume` does not start again (Deno 2.9.6;
 * `tests/platform/tls_canary_test.ts`).
 */
export function rawReadingOf(raw: Socket): RawReading | undefined {
  const handle = (raw as unknown as { _handle?: Partial<RawReading> | null })._handle;
  const usable = typeof handle?.readStop === "function" && typeof handle.readStart === "function";
  return usable ? handle as RawReading : undefined;
}
