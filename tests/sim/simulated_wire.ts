/**
 * One end of a simulated connection. What is written arrives at the other end after a while, in order,
 * unless the network has something against it.
 *
 * @module
 */
import { Fifo } from "../../lib/base/fifo.ts";
import type { Cancel } from "../../lib/base/timers.ts";
import { type ClientSocket, CLOSE_TIMEOUT_MS } from "../../lib/server/client_socket.ts";
import type { SimulatedClock } from "./simulated_clock.ts";

/** What may happen to bytes that are written. */
export interface Weather {
  /** How long the next chunk is under way, in milliseconds. */
  delayMs(): number;
  /** Where a chunk of so many bytes is split; 0 for nowhere. */
  splitAt(bytes: number): number;
  /** Whether a chunk arrives together with the one before it. */
  coalesces(): boolean;
}

/** Who sees what is on the network. */
export interface WireObserver {
  /** Bytes were written. */
  sent(from: SimulatedWire, chunk: Uint8Array): void;
  /** Bytes have arrived, and are taken next. */
  arrived(to: SimulatedWire, chunk: Uint8Array): void;
  /** The program at this end was told that the connection is closed. */
  closed(wire: SimulatedWire): void;
}

/** What a wire needs of its network. */
export interface WireOptions {
  /** When things happen. */
  readonly clock: SimulatedClock;
  /** What happens to bytes. */
  readonly weather: Weather;
  /** Who is told of all of it. */
  readonly observer: WireObserver;
}

/** Made once: an error takes as long to make as a message to send. */
const RESET = new Error("the connection was reset");

/** Bytes, or the end of them, or of the connection. */
interface Parcel {
  what: Uint8Array | "end" | "cut";
}

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
  readonly #underWay = new Fifo<Parcel>();
  /** The last of them. */
  #last: Parcel | undefined;
  /** Arrived here while nobody read. */
  readonly #held = new Fifo<Parcel>();
  #unsentBytes = 0;
  #arrivalMs = 0;
  #paused = false;
  #stalled = false;
  #ending = false;
  #closed = false;
  #vanished = false;
  #cutAfter: number | undefined;
  #onCut = () => {};
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

  /** Whether it is the broker's end. */
  get isBrokers(): boolean {
    return this.remoteAddress === "client";
  }

  /** Whether nothing comes or goes here any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** The other end. */
  get peer(): SimulatedWire {
    return this.#peer!;
  }

  write(bytes: Uint8Array): void {
    if (this.#ending || this.#closed) return;
    this.#unsentBytes += bytes.length;
    this.#options.observer.sent(this, bytes);
    const { weather } = this.#options;
    const at = weather.splitAt(bytes.length);
    if (at > 0) {
      this.#send(bytes.subarray(0, at));
      this.#send(bytes.subarray(at));
    } else if (this.#last !== undefined && weather.coalesces()) this.#coalesce(bytes);
    else this.#send(bytes);
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
    if (last !== undefined && last.length > 0) this.write(last);
    this.#ending = true;
    this.#push("end");
    this.#stopWaiting = this.#options.clock.after(CLOSE_TIMEOUT_MS, () => this.destroy());
    // A peer that is not read could not end either.
    this.resume();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#close();
    this.#tellPeer();
  }

  /** The program at this end is gone, and its machine says so. */
  abandon(): void {
    this.onData = this.onDrain = this.onClose = undefined;
    this.destroy();
  }

  /** The network resets the connection. */
  reset(): void {
    this.#fail();
    this.peer.#fail();
  }

  /** The network resets the connection once so many more bytes from here have arrived. */
  cutAfter(bytes: number, onCut: () => void): void {
    this.#cutAfter = bytes;
    this.#onCut = onCut;
  }

  /** It does not. */
  spare(): void {
    this.#cutAfter = undefined;
  }

  /** From now on nothing arrives any more, in neither direction; after a while each machine notices. */
  vanish(noticeMs: () => number): void {
    for (const end of [this, this.peer]) {
      end.#vanished = true;
      this.#options.clock.after(noticeMs(), () => end.#fail());
    }
  }

  /** The program here does not read for a while, as if it were suspended. */
  stall(ms: number): void {
    this.#stalled = true;
    this.#options.clock.after(ms, () => this.unstall());
  }

  /** It goes on. */
  unstall(): void {
    this.#stalled = false;
    this.#release();
  }

  #tellPeer(): void {
    const peer = this.peer;
    if (!this.#vanished) {
      this.#options.clock.after(this.#options.weather.delayMs(), () => peer.#fail());
    }
  }

  #fail(): void {
    if (!this.#closed) this.#close(RESET);
  }

  #close(cause?: Error): void {
    this.#closed = true;
    this.#stopWaiting?.();
    this.#underWay.drain();
    this.#last = undefined;
    this.#held.drain();
    this.#options.clock.soon(() => this.#tellClosed(cause));
  }

  #tellClosed(cause?: Error): void {
    this.onClose?.(cause);
    this.#options.observer.closed(this);
  }

  #coalesce(bytes: Uint8Array): void {
    const last = this.#last!;
    if (!(last.what instanceof Uint8Array)) return this.#send(bytes);
    const both = new Uint8Array(last.what.length + bytes.length);
    both.set(last.what);
    both.set(bytes, last.what.length);
    last.what = both;
  }

  #send(bytes: Uint8Array): void {
    if (this.#cutAfter === undefined || bytes.length < this.#cutAfter) {
      if (this.#cutAfter !== undefined) this.#cutAfter -= bytes.length;
      return this.#push(bytes);
    }
    if (this.#cutAfter > 0) this.#push(bytes.subarray(0, this.#cutAfter));
    this.#cutAfter = Infinity;
    this.#push("cut");
  }

  #push(what: Parcel["what"]): void {
    if (this.#vanished) return;
    const { clock, weather } = this.#options;
    const peer = this.peer;
    const parcel = { what };
    this.#underWay.push(parcel);
    this.#last = parcel;
    this.#arrivalMs = Math.max(this.#arrivalMs, clock.nowMs + weather.delayMs());
    clock.after(this.#arrivalMs - clock.nowMs, () => peer.#arrived());
  }

  #arrived(): void {
    if (this.#vanished) return;
    const parcel = this.peer.#underWay.shift();
    if (parcel === undefined || this.#closed) return;
    if (this.peer.#underWay.length === 0) this.peer.#last = undefined;
    if (parcel.what === "cut") this.peer.#cut();
    else if (this.#paused || this.#stalled || this.#held.length > 0) this.#held.push(parcel);
    else this.#take(parcel);
  }

  #cut(): void {
    this.#onCut();
    this.reset();
  }

  #release(): void {
    while (!this.#paused && !this.#stalled && !this.#closed) {
      const parcel = this.#held.shift();
      if (parcel === undefined) return;
      this.#take(parcel);
    }
  }

  #take({ what }: Parcel): void {
    if (!(what instanceof Uint8Array)) return this.#ended();
    this.peer.#taken(what.length);
    if (this.#ending) return;
    this.#options.observer.arrived(this, what);
    this.onData?.(what);
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
    this.#options.clock.soon(() => this.#tellClosed());
  }
}
