/**
 * Questions and orders of whoever operates a broker: a queue's options, dead letters, what a queue
 * holds, the broker's counts, a copy of its database.
 *
 * @module
 */
import { z } from "zod";
import { deadLetterQueueOf } from "../base/dead_letter_queue.ts";
import type { Envelope } from "../base/envelope.ts";
import { CipherMqError, type ErrorCode } from "../base/errors.ts";
import type { Command } from "../wire/command.ts";
import { parseEnvelope } from "../wire/envelope_text.ts";
import { readQueueOptions } from "../wire/queue_options_text.ts";
import type { ReceivedReply } from "../wire/reply.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";

const deadLetterSchema = z.object({
  seq: z.number(),
  id: z.string(),
  publisher: z.string(),
  reason: z.string(),
  text: z.string(),
  deliveries: z.number(),
  at_ms: z.number(),
  size: z.number(),
  exchange: z.string(),
  routing_key: z.string(),
}).transform(({ at_ms: atMs, routing_key: routingKey, ...rest }): DeadLetterInfo => {
  return { ...rest, atMs, routingKey };
});

const statsSchema = z.looseObject({
  queues: z.array(z.tuple([z.string(), z.number()])),
  consumers: z.array(z.tuple([z.string(), z.number()])),
});

/** A dead letter that is addressed to the asking client. */
export interface DeadLetterInfo {
  /** Its place: dead letters are listed and redriven in this order. */
  readonly seq: number;
  /** The publisher's id for it. */
  readonly id: string;
  /** Who published it. */
  readonly publisher: string;
  /** Why it is one: `max_deliveries`, `rejected` or `expired`. */
  readonly reason: string;
  /** What its receiver said when it rejected it; empty otherwise. */
  readonly text: string;
  /** How often it had been delivered. */
  readonly deliveries: number;
  /** When it became one, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Bytes of its envelope. */
  readonly size: number;
  /** The exchange it was published to. */
  readonly exchange: string;
  /** The routing key it was published with. */
  readonly routingKey: string;
}

/** What the broker counts. */
export interface BrokerStats {
  /** Each queue with its messages. */
  readonly queues: readonly (readonly [name: string, messages: number])[];
  /** Each queue that has consumers with their number. */
  readonly consumers: readonly (readonly [name: string, consumers: number])[];
  /** All other counts under their names in `docs/protocol.md`. */
  readonly [name: string]: unknown;
}

/** A message that was asked for. */
export interface FetchedMessage {
  /** The id that it was published under. */
  readonly id: string;
  /** The message as it was sealed. */
  readonly envelope: Envelope;
}

type ReplyOf<Kind extends ReceivedReply["kind"]> = Extract<ReceivedReply, { readonly kind: Kind }>;

const CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/\bno queue\b/, "not_found"],
  [/\bmay not\b/, "access_denied"],
  [/\blimit\b/, "limit"],
  [/^Unknown command/, "protocol"],
];

/** A connection of one client that asks and orders, one thing at a time. */
export class Operator {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Connects. Rejects with `connection`, `tls` or `timeout`. */
  static async connect(options: ConnectionOptions): Promise<Operator> {
    const ignore = () => {};
    const events = { message: ignore, turn: ignore, drained: ignore };
    return new Operator(await Connection.open(options, events));
  }

  /**
   * Makes a queue, or gives one new options, each `name=value` as in `docs/protocol.md`; those that are
   * not given stay as they are. Rejects with `usage` for an option or a name that cannot be.
   */
  async declareQueue(queue: string, options: readonly string[]): Promise<void> {
    const read = options.length === 0 ? {} : readQueueOptions(options.join(" "));
    await this.#ask({ kind: "declare_queue", queue, options: read }, "queue_declared");
  }

  /** What the broker counts. */
  async stats(): Promise<BrokerStats> {
    return parse(statsSchema, (await this.#ask({ kind: "stats" }, "stats")).json);
  }

  /** The dead letters of a queue that are addressed to this client and wait, in order. */
  async *deadLetters(queue: string): AsyncGenerator<DeadLetterInfo> {
    let after: number | undefined;
    while (true) {
      const from = after === undefined ? {} : { after };
      const command = { kind: "dead_letters", queue, ...from } as const;
      const { json } = await this.#ask(command, "dead_letters");
      const letters = parse(z.array(deadLetterSchema), json);
      if (letters.length === 0) return;
      yield* letters;
      after = letters.at(-1)!.seq;
    }
  }

  /**
   * The next message of a queue's dead letters for this client, nothing when none waits. It is leased:
   * it waits again, at its place, when this connection is closed.
   */
  async borrowDeadLetter(queue: string): Promise<FetchedMessage | undefined> {
    const command = { kind: "fetch", queue: deadLetterQueueOf(queue) } as const;
    const reply = await this.#ask(command, "message", "no_messages");
    if (reply.kind === "no_messages") return undefined;
    return { id: reply.id, envelope: parseEnvelope(reply.text) };
  }

  /**
   * Puts dead letters for this client back at the end of their queue, in order: up to 1,000, or the
   * one called `id`. Gives how many; 0 when none waits, or none has room.
   */
  async redrive(queue: string, id?: string): Promise<number> {
    const command = { kind: "redrive", queue, ...(id !== undefined && { id }) } as const;
    return (await this.#ask(command, "redriven")).count;
  }

  /** Removes the dead letters of a queue for good, whoever they are for. Gives how many. */
  async purgeDeadLetters(queue: string): Promise<number> {
    const command = { kind: "purge", queue: deadLetterQueueOf(queue), force: true } as const;
    let purged = 0;
    for (let count = 1; count > 0; purged += count) {
      // So many at a time as the broker likes.
      count = (await this.#ask(command, "queue_purged")).count;
    }
    return purged;
  }

  /**
   * Begins a copy of the broker's database as it is now, and gives its bytes. Only an admin may
   * (`access_denied`), and one at a time (`limit`). It ends with this connection at the latest.
   */
  async beginBackup(): Promise<number> {
    return (await this.#ask({ kind: "backup" }, "backup")).bytes;
  }

  /** The copy's next bytes from `offset` on, at least one. Rejects when the broker has ended the copy. */
  async readBackup(offset: number): Promise<Uint8Array> {
    return (await this.#ask({ kind: "backup_read", offset }, "backup_piece")).data;
  }

  /** Ends the copy, so that the broker can tidy up and another one can begin. */
  async endBackup(): Promise<void> {
    await this.#ask({ kind: "backup_end" }, "backup_ended");
  }

  /** Closes the connection; what was borrowed goes back. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #ask<Kind extends ReceivedReply["kind"]>(
    command: Command,
    ...expected: readonly Kind[]
  ): Promise<ReplyOf<Kind>> {
    const reply = await this.#connection.request(command);
    if (reply.kind === "failed") throw refused(command, reply.text);
    if (isOneOf(reply, expected)) return reply;
    const text = `the broker answered ${command.kind} with '${reply.kind}'`;
    throw new CipherMqError("protocol", text);
  }
}

function isOneOf<Kind extends ReceivedReply["kind"]>(
  reply: ReceivedReply,
  kinds: readonly Kind[],
): reply is ReplyOf<Kind> {
  return (kinds as readonly string[]).includes(reply.kind);
}

function refused({ kind }: Command, text: string): CipherMqError {
  const code = CODES.find(([words]) => words.test(text))?.[1] ?? "conflict";
  const why = text.replace(/^Error: /, "");
  return new CipherMqError(code, `the broker refused ${kind}: ${why}`);
}

function parse<T>(schema: z.ZodType<T>, json: string): T {
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    throw new CipherMqError("protocol", "cannot understand the broker's report", { cause });
  }
}
