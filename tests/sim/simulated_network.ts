/**
 * The network of a simulation: one broker that listens or not, and clients that dial it.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Wire } from "../../lib/base/wire.ts";
import type { Dial } from "../../lib/client/dial.ts";
import type { ClientSocket } from "../../lib/server/client_socket.ts";
import type { SeededEntropy } from "./seeded_entropy.ts";
import type { SimulatedClock } from "./simulated_clock.ts";
import { SimulatedWire } from "./simulated_wire.ts";

/** The longest that a chunk is under way, in microseconds. */
const MAX_DELAY_US = 2_000;

/** Connects clients with a broker. */
export class SimulatedNetwork {
  readonly #clock: SimulatedClock;
  readonly #random: SeededEntropy;
  #listener: ((socket: ClientSocket) => void) | undefined;
  /** Told of each chunk that arrives. */
  onArrival: (to: SimulatedWire, chunk: Uint8Array) => void = () => {};

  /** A network on which nobody listens. */
  constructor(clock: SimulatedClock, random: SeededEntropy) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A broker takes clients from now on, or, without one, nobody does. */
  listen(listener?: (socket: ClientSocket) => void): void {
    this.#listener = listener;
  }

  /** How a client dials. */
  dialAs(identity: string): Dial {
    return () => {
      const { promise, resolve, reject } = Promise.withResolvers<Wire>();
      this.#clock.after(this.#delayMs(), () => {
        if (this.#listener === undefined) {
          return reject(new CipherMqError("connection", "nothing listens there"));
        }
        const [client, broker] = SimulatedWire.pair({
          clock: this.#clock,
          delayMs: () => this.#delayMs(),
          onArrival: (to, chunk) => this.onArrival(to, chunk),
        }, identity);
        this.#listener(broker);
        this.#clock.after(this.#delayMs(), () => resolve(client));
      });
      return promise;
    };
  }

  #delayMs(): number {
    return this.#random.below(MAX_DELAY_US) / 1000;
  }
}
