/**
 * One end of a simulated connection. What is written arrives at the other end after a while, in order.
 *
 * @module
 */
import { Fifo } from "../../lib/base/fifo.ts";
import type { Cancel } from "../../lib/base/timers.ts";
import { type ClientSocket, CLOSE_TIMEOUT_MS } from "../../lib/server/client_socket.ts";
import type { SimulatedClock } from "./simulated_clock.ts";

/** What a wire needs of its network. */
export interface WireOptions {
  /** When things happen. */
  readonly clock: SimulatedClock;
  /** How long the next chunk is under way, in milliseconds. */
  readonly delayMs: () => number;
  /** Told of each chunk that arrives, before it is taken. */
  readonly onArrival: (to: SimulatedWire, chunk: Uint8Array) => void;
}

/** Bytes, or the end of them. */
type Sent = Uint8Array | "end";

/** Both a client's end and a broker's. */
export class SimulatedWire implements ClientSocket {
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  onClose: ((cause?: Error) => void) | undefined;
  readonly identity: string;
  readonly remoteAddress: string;
  readonly #options: WireOptions;
  #peer: SimulatedWire | undefined;
  /** Written here and not arrived at the peer. */
  readonly #underWay = new Fifo<Sent>();
  /** Arrived here while nobody read. */
  readonly #held = new Fifo<Sent>();
  #unsentBytes = 0;
  #arrivalMs = 0;
  #paused = false;
  #ending = false;
  #closed = false;
  #stopWaiting: Cancel | undefined;

  private constructor(options: WireOptions, identity: string, remoteAddress: string) {
    this.#options = options;
    this.identity = identity;
    this.remoteAddress = remoteAddress;
  }

  /** A connection of a client: its end and the broker's. */
  static pair(options: WireOptions, identity: string): [SimulatedWire, SimulatedWire] {
    const client = new SimulatedWire(options, identity, "broker");
    const broker = new SimulatedWire(options, identity, "client");
    client.#peer = broker;
    broker.#peer = client;
    return [client, broker];
  }

  /** Bytes that were written and that the peer has not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#ending || this.#closed) return;
    this.#unsentBytes += bytes.length;
    this.#send(bytes);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.clock.soon(() => this.#release());
  }

  end(last?: Uint8Array): void {
    if (this.#ending || this.#closed) return;
    if (last !== undefined) this.write(last);
    this.#ending = true;
    this.#send("end");
    this.#stopWaiting = this.#options.clock.after(CLOSE_TIMEOUT_MS, () => this.destroy());
    // A peer that is not read could not end either.
    this.resume();
  }

  destroy(): void {
    if (this.#closed) return;
    const peer = this.#peer!;
    this.#close();
    this.#options.clock.after(this.#options.delayMs(), () => peer.#reset());
  }

  #reset(): void {
    if (!this.#closed) this.#close(new Error("the connection was reset"));
  }

  #close(cause?: Error): void {
    this.#closed = true;
    this.#stopWaiting?.();
    this.#underWay.drain();
    this.#held.drain();
    this.#options.clock.soon(() => this.onClose?.(cause));
  }

  #send(sent: Sent): void {
    const { clock, delayMs } = this.#options;
    const peer = this.#peer!;
    this.#underWay.push(sent);
    this.#arrivalMs = Math.max(this.#arrivalMs, clock.nowMs + delayMs());
    clock.after(this.#arrivalMs - clock.nowMs, () => peer.#arrived());
  }

  #arrived(): void {
    const sent = this.#peer!.#underWay.shift();
    if (sent === undefined || this.#closed) return;
    if (this.#paused || this.#held.length > 0) this.#held.push(sent);
    else this.#take(sent);
  }

  #release(): void {
    while (!this.#paused && !this.#closed) {
      const sent = this.#held.shift();
      if (sent === undefined) return;
      this.#take(sent);
    }
  }

  #take(sent: Sent): void {
    if (sent === "end") return this.#ended();
    this.#peer!.#taken(sent.length);
    this.#options.onArrival(this, sent);
    if (!this.#ending) this.onData?.(sent);
  }

  #taken(bytes: number): void {
    this.#unsentBytes -= bytes;
    if (this.#unsentBytes === 0 && !this.#closed) this.onDrain?.();
  }

  /** The peer sends no more: what is under way to it still comes, and then it is closed there too. */
  #ended(): void {
    if (!this.#ending) this.end();
    this.#closed = true;
    this.#stopWaiting?.();
    this.#options.clock.soon(() => this.onClose?.());
  }
}
