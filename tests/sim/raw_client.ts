/**
 * A client that speaks the protocol by itself.
 *
 * @module
 */
import type { Wire } from "../../lib/base/wire.ts";
import type { Stage } from "./actor.ts";
import { LineSplitter } from "./line_splitter.ts";
import type { SimulatedProcess } from "./simulated_process.ts";

const encoder = new TextEncoder();

/** A connection that is made again when somebody wants to say something. */
export class RawClient {
  readonly identity: string;
  readonly #stage: Stage;
  readonly #onLine: (line: string) => void;
  readonly #onOpen: () => void;
  readonly #process: SimulatedProcess;
  #wire: Wire | undefined;
  #connecting = false;
  #wanted = false;

  /** Not connected. `onOpen`: a new connection is there; `onLine`: the broker said something. */
  constructor(
    stage: Stage,
    identity: string,
    onLine: (line: string) => void = () => {},
    onOpen: () => void = () => {},
  ) {
    this.#stage = stage;
    this.identity = identity;
    this.#onLine = onLine;
    this.#onOpen = onOpen;
    this.#process = stage.world.process();
  }

  /** Whether there is a connection. */
  get isOpen(): boolean {
    return this.#wire !== undefined;
  }

  /** Whether nothing of it is left, at neither end. */
  get isGone(): boolean {
    if (this.#connecting) return false;
    return [...this.#process.wires].every((wire) => wire.isClosed && wire.peer.isClosed);
  }

  /** Connects, if it is not connected. */
  open(): void {
    this.#wanted = true;
    if (this.#wire !== undefined || this.#connecting) return;
    this.#connecting = true;
    const { network } = this.#stage.world;
    const { identity } = this;
    const dial = network.dialer({ identity, process: this.#process });
    dial({ host: "", port: 0, credentials: { certificate: "", privateKey: "", authorities: "" } })
      .then((wire) => this.#opened(wire), () => this.#connecting = false);
  }

  /** Says a line; connects instead, if it is not connected. */
  send(line: string): void {
    this.sendBytes(encoder.encode(`${line}\n`));
  }

  /** Says anything. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#wire === undefined) this.open();
    else this.#wire.write(bytes);
  }

  /** Hangs up. */
  close(): void {
    this.#wanted = false;
    this.#wire?.end();
    this.#wire = undefined;
  }

  #opened(wire: Wire): void {
    this.#connecting = false;
    if (!this.#wanted) return wire.end();
    this.#wire = wire;
    const splitter = new LineSplitter();
    wire.onData = (chunk) => {
      for (const line of splitter.push(chunk)) this.#onLine(line);
    };
    wire.onClose = () => {
      if (this.#wire === wire) this.#wire = undefined;
    };
    this.#onOpen();
  }
}
