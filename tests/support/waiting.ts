/**
 * Waiting for what other processes do, where there is no event to wait for.
 *
 * @module
 */
import { PATIENCE_MS } from "./processes.ts";

/** Waits until something outside of this process has changed. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!await check()) {
    if (performance.now() > endMs) throw new Error(`${what}: not in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits for at most `ms` milliseconds, so that a kill meets the work at any point of it. */
export async function moment(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * ms));
}

/** Bytes of a file, 0 if it is not there. */
export function sizeOf(file: string): number {
  try {
    return Deno.statSync(file).size;
  } catch {
    return 0;
  }
}

/** Numbered lines for `send`'s stdin. */
export function numberedLines(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => `line ${first + i}`);
}
