/**
 * The port of a connection's conversation: bytes in, steps out; answers in, bytes out. A session
 * knows one protocol and one client, and does no I/O.
 *
 * @module
 */
import type { Answer } from "../core/effect.ts";
import type { Input } from "../core/input.ts";
import type { MessageHead } from "../core/message.ts";
import type { BackupOrder } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";

/** What a client's bytes ask for, in order. */
export type Step =
  /** Something for the core. */
  | { readonly kind: "input"; readonly input: Input }
  /** Something that needs no core, answered when its turn comes. */
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Something about a copy of the database, carried out and answered when its turn comes. */
  | { readonly kind: "backup"; readonly order: BackupOrder }
  /** The client can no longer be understood: close when all before it is answered. */
  | { readonly kind: "close" };

/** One connection's conversation. */
export interface Session {
  /** Takes bytes as they came, cut anywhere. After a `close` step it takes no more. */
  receive(chunk: Uint8Array): readonly Step[];
  /** Bytes of a command that has begun and not ended. */
  readonly unfinishedBytes: number;
  /** Says what the core answered. */
  answer(answer: Answer): void;
  /** Says what needed no core. */
  reply(reply: Reply): void;
  /** Hands a message over. */
  deliver(message: MessageHead, body: Uint8Array): void;
  /** Gives what was said since the last call, to be sent; empty when nothing was. */
  takeBytes(): Uint8Array;
}
