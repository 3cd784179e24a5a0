/**
 * The network of a simulation: one broker that listens or not, and clients that dial it.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Wire } from "../../lib/base/wire.ts";
import type { Dial } from "../../lib/client/dial.ts";
import { FaultCounts } from "./faults.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";
import type { SimulatedClock } from "./simulated_clock.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import { SimulatedWire, type Weather, type WireObserver } from "./simulated_wire.ts";

/** The longest that a chunk is under way in good weather, in microseconds. */
const MAX_DELAY_US = 2_000;
/** When a machine notices that the other one is gone, in milliseconds. */
const NOTICE_MS = [500, 4_000] as const;

/** Who dials. */
export interface Dialer {
  /** The name that its certificate gives. */
  readonly identity: string;
  /** The program whose connection it is; it ends with it. */
  readonly process?: SimulatedProcess;
}

/** How likely each thing is that a network does to a chunk. */
export interface NetworkFaults {
  readonly delay: number;
  readonly split: number;
  readonly coalesce: number;
  readonly refuse: number;
}

// Made once: an error takes as long to make as a message to send.
const REFUSED = new CipherMqError("connection", "nothing listens there");
const RESET = new CipherMqError("connection", "it was reset at once");

const NO_FAULTS: NetworkFaults = { delay: 0, split: 0, coalesce: 0, refuse: 0 };

/** Connects clients with a broker. */
export class SimulatedNetwork implements Weather {
  readonly #clock: SimulatedClock;
  readonly #random: SeededEntropy;
  readonly #counts: FaultCounts;
  #faults = NO_FAULTS;
  #listener: ((socket: SimulatedWire) => void) | undefined;
  /** Clients' ends that may be open. */
  #open: SimulatedWire[] = [];
  /** Told of all that happens on it. */
  observer: WireObserver = { sent: () => {}, arrived: () => {}, closed: () => {} };

  /** A network on which nobody listens. */
  constructor(clock: SimulatedClock, random: SeededEntropy, counts = new FaultCounts()) {
    this.#clock = clock;
    this.#random = random;
    this.#counts = counts;
  }

  /** Chunks are treated so from now on; without an argument, well. */
  storm(faults: NetworkFaults = NO_FAULTS): void {
    this.#faults = faults;
  }

  /** A broker takes clients from now on, or, without one, nobody does. */
  listen(listener?: (socket: SimulatedWire) => void): void {
    this.#listener = listener;
  }

  /** How a client dials. */
  dialer({ identity, process }: Dialer): Dial {
    return () => {
      const { promise, resolve, reject } = Promise.withResolvers<Wire>();
      this.#clock.after(this.delayMs(), () => {
        if (process?.alive === false) return;
        if (this.#listener === undefined || this.#happens("refuse", "refused dial")) {
          return reject(REFUSED);
        }
        const client = this.connect(identity, this.#listener);
        process?.wires.add(client);
        this.#clock.after(this.delayMs(), () => {
          if (!client.isClosed) return resolve(client);
          reject(RESET);
        });
      });
      return promise;
    };
  }

  /** A connection to a broker: gives the client's end. */
  connect(identity: string, listener: (socket: SimulatedWire) => void): SimulatedWire {
    const options = { clock: this.#clock, weather: this, observer: this.#observer };
    const [client, broker] = SimulatedWire.pair(options, identity);
    this.#open = this.#open.filter((wire) => !wire.isClosed);
    this.#open.push(client);
    listener(broker);
    return client;
  }

  /** Gives what takes clients, once there is a broker. */
  whenListening(use: (listener: (socket: SimulatedWire) => void) => void): void {
    if (this.#listener !== undefined) use(this.#listener);
    else this.#clock.after(1, () => this.whenListening(use));
  }

  /** The connection of some client, if there is one. */
  anyConnection(): SimulatedWire | undefined {
    this.#open = this.#open.filter((wire) => !wire.isClosed);
    return this.#open.length === 0 ? undefined : this.#random.pick(this.#open);
  }

  /** All clients read again, and nothing is cut that is not cut yet. */
  calm(): void {
    for (const wire of this.#open.filter((one) => !one.isClosed)) {
      wire.unstall();
      wire.spare();
      wire.peer.spare();
    }
  }

  /** Makes a connection half-open. */
  vanish(wire: SimulatedWire): void {
    wire.vanish(() => this.#random.between(...NOTICE_MS));
  }

  delayMs(): number {
    const usual = this.#random.below(MAX_DELAY_US) / 1000;
    if (!this.#happens("delay", "delay")) return usual;
    return usual + this.#random.between(5, 300);
  }

  splitAt(bytes: number): number {
    if (bytes < 2 || !this.#happens("split", "split at any byte")) return 0;
    return 1 + this.#random.below(bytes - 1);
  }

  coalesces(): boolean {
    return this.#happens("coalesce", "coalesced chunks");
  }

  readonly #observer: WireObserver = {
    sent: (from, chunk) => this.observer.sent(from, chunk),
    arrived: (to, chunk) => this.observer.arrived(to, chunk),
    closed: (wire) => this.observer.closed(wire),
  };

  #happens(what: keyof NetworkFaults, fault: Parameters<FaultCounts["add"]>[0]): boolean {
    const probability = this.#faults[what];
    if (probability === 0 || !this.#random.chance(probability)) return false;
    this.#counts.add(fault);
    return true;
  }
}
