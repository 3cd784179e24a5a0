/**
 * The port between bytes and meaning: one protocol as a connection sees it, one codec per
 * connection, bytes in any cut. No codec does I/O.
 *
 * @module
 */
import type { ByteWriter } from "../base/bytes.ts";
import type { Command, Malformed } from "./command.ts";
import type { ReceivedReply, Reply } from "./reply.ts";

/** The broker's side of a protocol. */
export interface BrokerCodec {
  /** Bytes of a command that has begun and not ended. */
  readonly partialBytes: number;
  /**
   * Takes the next bytes and gives the commands they complete, in order. What is no command comes
   * as the reply it gets in its turn. After one with `closes` there is nothing more.
   */
  decode(chunk: Uint8Array): readonly (Command | Malformed)[];
  /** Appends what the reply is on the wire. */
  encode(reply: Reply, writer: ByteWriter): void;
}

/** The client's side of a protocol. */
export interface ClientCodec {
  /** Bytes of a reply that has begun and not ended. */
  readonly partialBytes: number;
  /**
   * Takes the next bytes and gives the replies they complete, in order. Throws a `CipherMqError`,
   * `protocol` or `limit`, when the broker cannot be understood: the connection is of no more use,
   * and what it had not answered has an unknown outcome.
   */
  decode(chunk: Uint8Array): readonly ReceivedReply[];
  /**
   * Appends what the command is on the wire. Throws a `CipherMqError` `invalid_name` or
   * `invalid_message`, and appends nothing, for one that would not be one command there.
   */
  encode(command: Command, writer: ByteWriter): void;
}
