/**
 * A connection as the core knows it.
 *
 * @module
 */
import type { Consumer } from "./consumer.ts";
import { HeldBack } from "./held_back.ts";
import type { ConnectionId } from "./input.ts";
import type { Message } from "./message.ts";
import type { UnsentShare } from "./unsent_share.ts";

/** One connected client: who it is, what it consumes and holds. */
export class Peer {
  /** Its connection. */
  readonly connection: ConnectionId;
  /** The name its verified certificate gives. */
  readonly identity: string;
  /** Its subscriptions by queue, in the order of their turns when it has drained. */
  readonly consumers = new Map<string, Consumer>();
  /** The messages it holds, longest held first. */
  readonly leased = new Set<Message>();
  /** What must not overtake a message of its own that found no room. */
  readonly heldBack = new HeldBack();
  /** The bytes of the messages it holds. */
  leasedBytes = 0;
  readonly #share: UnsentShare;
  #pushedBytes = 0;

  /** Makes a peer that holds nothing; its `share` may be pushed before it must have drained. */
  constructor(connection: ConnectionId, identity: string, share: UnsentShare) {
    this.connection = connection;
    this.identity = identity;
    this.#share = share;
  }

  /** So much was pushed since it last drained that nothing more may be. */
  get congested(): boolean {
    return this.#pushedBytes >= this.#share.bytes;
  }

  /** Counts a delivery on its way to the connection. */
  pushed(message: Message): void {
    this.#pushedBytes += message.size;
  }

  /** The connection has sent what was pushed. */
  drained(): void {
    this.#pushedBytes = 0;
  }
}
