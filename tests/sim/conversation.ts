/**
 * What is known of one connection from nothing but its bytes.
 *
 * @module
 */
import { Fifo } from "../../lib/base/fifo.ts";
import type { Copy } from "./ledger.ts";
import { LineSplitter } from "./line_splitter.ts";
import type { SimulatedWire } from "./simulated_wire.ts";

/** A command that waits for its replies. */
export interface Asked {
  readonly verb: string;
  readonly line: string;
  /** The messages it publishes: their ids and bytes. */
  readonly published: readonly { readonly id: string; readonly body: string }[];
  /** How many replies came. */
  answered: number;
  /** What has to be answered as before: see {@linkcode WireChecker}. */
  readonly known: readonly ("same" | "other" | undefined)[];
  /** The lease that it ends, if it was known when it came; else it began after that, before its reply. */
  readonly lease: Delivered | undefined;
  /** An ack of what was acknowledged before it came. */
  readonly ackedBefore: boolean;
}

/** A delivery that was written to a consumer and that nobody has settled. */
export interface Delivered {
  readonly body: string;
  readonly id: string;
  readonly conversation: Conversation;
  /** The copies that it may be. */
  readonly copies: readonly Copy[];
  /** The copy it is, where there was only one. */
  readonly copy: Copy | undefined;
  /** What the disk knew of earlier deliveries. */
  readonly deliveries: number;
  /** Since when the lease runs at the latest. */
  sinceMs: number;
}

/** One connection. */
export class Conversation {
  /** The client's end. */
  readonly wire: SimulatedWire;
  readonly number: number;
  readonly toBroker = new LineSplitter();
  readonly fromBroker = new LineSplitter();
  /** Commands the broker has taken and not answered. */
  readonly asked = new Fifo<Asked>();
  /** Deliveries that the client has not settled, in order. */
  readonly held: Delivered[] = [];
  /** Those of them whose lease may not be over, in order. */
  leases: Delivered[] = [];
  /** The credit of its subscriptions by queue, in messages. */
  readonly credit = new Map<string, number>();
  /** It was given messages that no subscription answers for. */
  fetches = false;
  /** Messages published on it. */
  published = 0;
  /** The last place of each lane of which it was given a message for the first time. */
  readonly places = new Map<string, number>();
  /** The broker hangs up behind a line that was too long: nothing after it counts. */
  over = false;
  closed = false;

  /** A connection that just began. */
  constructor(wire: SimulatedWire, number: number) {
    this.wire = wire;
    this.number = number;
  }

  /** Who the client is. */
  get identity(): string {
    return this.wire.identity;
  }

  /** The client settles the delivery that an ack of `id` means to it. */
  settle(id: string): Delivered | undefined {
    const at = this.held.findIndex((delivered) => delivered.id === id);
    return at === -1 ? undefined : this.held.splice(at, 1)[0];
  }

  /**
   * The broker ends the lease that an ack of `id` means to it, and knows those that are over. Gives it;
   * nothing when there is none.
   */
  endLease(id: string, isLive: (lease: Delivered) => boolean): Delivered | undefined {
    this.leases = this.leases.filter(isLive);
    const at = this.leases.findIndex((lease) => lease.id === id);
    return at === -1 ? undefined : this.leases.splice(at, 1)[0];
  }
}
