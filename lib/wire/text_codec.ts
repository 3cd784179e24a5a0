/**
 * The text protocol: UTF-8 lines, one command or reply each. `docs/protocol.md` is its
 * specification.
 *
 * @module
 */
import type { ByteWriter } from "../base/bytes.ts";
import type { Limits } from "../base/limits.ts";
import { BodyArena } from "./body_arena.ts";
import type { BrokerCodec, ClientCodec } from "./codec.ts";
import type { Command, Malformed } from "./command.ts";
import { type Line, LineFramer, LineLimitError } from "./line_framer.ts";
import type { ReceivedReply, Reply } from "./reply.ts";
import { type MessageLimits, TextCommandDecoder } from "./text_command_decoder.ts";
import { encodeCommand } from "./text_command_encoder.ts";
import { decodeReply, encodeReply } from "./text_reply_codec.ts";

/** The broker's side of one connection that speaks the text protocol. */
export class TextBrokerCodec implements BrokerCodec {
  readonly #framer: LineFramer;
  readonly #decoder: TextCommandDecoder;
  #closed = false;

  /** Makes the codec of one connection. */
  constructor(limits: MessageLimits & Pick<Limits, "maxLineBytes">) {
    this.#framer = new LineFramer(limits);
    this.#decoder = new TextCommandDecoder(limits);
  }

  /** Bytes of a line that has begun and not ended. */
  get partialBytes(): number {
    return this.#framer.partialBytes;
  }

  /** The commands that `chunk` completes, in order; see {@linkcode BrokerCodec.decode}. */
  decode(chunk: Uint8Array): readonly (Command | Malformed)[] {
    if (this.#closed) return [];
    // Canonical bodies are hardly ever longer than what they were made from.
    const arena = new BodyArena(this.#framer.partialBytes + chunk.length);
    const decode = (line: Line) => this.#decoder.decode(line, arena);
    try {
      return this.#framer.push(chunk).map(decode);
    } catch (error) {
      if (!(error instanceof LineLimitError)) throw error;
      this.#closed = true;
      const reply = `Error: ${error.message}`;
      return [...error.lines.map(decode), { kind: "malformed", reply, closes: true }];
    }
  }

  /** Appends the line that `reply` is. */
  encode(reply: Reply, writer: ByteWriter): void {
    encodeReply(reply, writer);
  }
}

/** The client's side of one connection that speaks the text protocol. */
export class TextClientCodec implements ClientCodec {
  readonly #framer: LineFramer;

  /** Makes the codec of one connection; a reply line has at most `maxLineBytes`. */
  constructor(options: Pick<Limits, "maxLineBytes">) {
    this.#framer = new LineFramer(options);
  }

  /** Bytes of a line that has begun and not ended. */
  get partialBytes(): number {
    return this.#framer.partialBytes;
  }

  /** The replies that `chunk` completes, in order; see {@linkcode ClientCodec.decode}. */
  decode(chunk: Uint8Array): readonly ReceivedReply[] {
    return this.#framer.push(chunk).map(decodeReply);
  }

  /** Appends the line that `command` is; see {@linkcode ClientCodec.encode}. */
  encode(command: Command, writer: ByteWriter): void {
    encodeCommand(command, writer);
  }
}
