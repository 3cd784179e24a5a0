/**
 * Gives targets their inputs, and makes what fails as small as it easily can be.
 *
 * @module
 */
import { concat } from "./bytes.ts";
import { Random, streamOf } from "./random.ts";
import type { Target } from "./target.ts";

/** An input for which something does not hold; its text says how to try it again. */
export class FuzzFailure extends Error {
  constructor(target: Target, seed: number, index: number, input: Uint8Array, cause: unknown) {
    const smaller = minimised(target, seed, index, input);
    const again =
      `deno task fuzz --target ${target.name} --seed ${seed} --from ${index} --inputs 1`;
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(
      `${why.slice(0, 2_000)}\nagain: ${again}\ninput, ${input.length} bytes: ${shown(input)}` +
        (smaller.length < input.length
          ? `\nthe smallest that fails too, ${smaller.length} bytes: ${shown(smaller)}`
          : ""),
      { cause },
    );
  }
}

function shown(input: Uint8Array): string {
  return `${input.toBase64()}\n  ${JSON.stringify(new TextDecoder().decode(input)).slice(0, 500)}`;
}

/** The input number `index` of a target, and what it leaves open. */
function inputOf(target: Target, seed: number, index: number): [Uint8Array, Random] {
  const stream = streamOf(target.name);
  return [target.make(new Random(seed, stream, index)), new Random(seed, ~stream, index)];
}

/** Tries one input. */
export function tryOne(target: Target, seed: number, index: number): void {
  const [input, random] = inputOf(target, seed, index);
  try {
    target.check(input, random);
  } catch (error) {
    throw new FuzzFailure(target, seed, index, input, error);
  }
}

function fails(target: Target, seed: number, index: number, input: Uint8Array): boolean {
  try {
    target.check(input, new Random(seed, ~streamOf(target.name), index));
    return false;
  } catch {
    return true;
  }
}

/** Leaves pieces out as long as it still fails. */
function minimised(target: Target, seed: number, index: number, input: Uint8Array): Uint8Array {
  let smallest = input;
  for (let piece = Math.ceil(input.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < smallest.length;) {
      const without = concat([smallest.subarray(0, at), smallest.subarray(at + piece)]);
      if (fails(target, seed, index, without)) smallest = without;
      else at += piece;
    }
  }
  return smallest;
}

/** The least memory in use while each of some windows of inputs ran: garbage does not count. */
export class HeapWatch {
  readonly #lows: number[] = [];
  #low = Infinity;

  /** Looks at the heap. */
  look(): void {
    this.#low = Math.min(this.#low, Deno.memoryUsage().heapUsed);
  }

  /** Ends a window, with garbage collected where that can be asked for (`--expose-gc`). */
  next(): void {
    (globalThis as { gc?: () => void }).gc?.();
    this.look();
    this.#lows.push(this.#low);
    this.#low = Infinity;
  }

  /** By how many bytes the least of the later half is above that of the earlier half. */
  get growth(): number {
    const half = Math.floor(this.#lows.length / 2);
    return Math.min(...this.#lows.slice(half)) - Math.min(...this.#lows.slice(0, half));
  }
}

const WINDOWS = 8;
const LOOK_EVERY = 64;
/** Garbage that nobody was in a hurry to collect is some 20 MB. */
const MAX_GROWTH_BYTES = 48 * 1024 * 1024;

/** Tries the inputs from `from` on of one target. Throws for one that fails, and for a heap that grows. */
export function fuzz(target: Target, seed: number, inputs: number, from = 0): void {
  const depth = Error.stackTraceLimit;
  // Every second input is refused by an error; where it was made is of no use.
  Error.stackTraceLimit = 0;
  try {
    run(target, seed, inputs, from);
  } finally {
    Error.stackTraceLimit = depth;
  }
}

function run(target: Target, seed: number, inputs: number, from: number): void {
  const heap = new HeapWatch();
  const window = Math.ceil(inputs / WINDOWS);
  for (let i = 0; i < inputs; i++) {
    tryOne(target, seed, from + i);
    if (i % LOOK_EVERY === 0) heap.look();
    if (i % window === window - 1) heap.next();
  }
  if (inputs < 1_000 || heap.growth < MAX_GROWTH_BYTES) return;
  throw new Error(`${inputs} inputs of ${target.name} left ${heap.growth} bytes on the heap`);
}
