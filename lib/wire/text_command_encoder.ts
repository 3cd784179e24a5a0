/**
 * Commands to lines of the text protocol: the client's side.
 *
 * @module
 */
import { type ByteWriter, toBase64 } from "../base/bytes.ts";
import { CipherMqError } from "../base/errors.ts";
import { nameProblem } from "../base/names.ts";
import type { Command, PublishedMessage } from "./command.ts";
import { queueOptionsText } from "./queue_options_text.ts";
import { reasonProblem } from "./reject_reason.ts";
import { notWhole, toWholeNumber } from "./whole_number.ts";

const NEWLINE = 10;
const COMMA = 44;

/** Throws unless all are names: another text could end the line and begin a command of its own. */
function requireNames(names: Readonly<Record<string, string>>): void {
  for (const what in names) {
    const problem = nameProblem(names[what]!);
    if (problem !== undefined) throw new CipherMqError("invalid_name", `the ${what} ${problem}`);
  }
}

function requireOneLine(message: PublishedMessage): void {
  if (message.body.length === 0 || message.body.includes(NEWLINE)) {
    throw new CipherMqError("invalid_message", "the envelope is not one line of JSON");
  }
}

/** The command without its messages. */
function head(command: Command): string {
  switch (command.kind) {
    case "declare_exchange": {
      const { exchange, exchangeKind } = command;
      requireNames({ "exchange name": exchange, "exchange kind": exchangeKind });
      // Brokers that know one kind only take the name alone.
      return `declare_exchange ${exchange}${exchangeKind === "direct" ? "" : ` ${exchangeKind}`}`;
    }
    case "declare_queue":
      requireNames({ "queue name": command.queue });
      return `declare_queue ${command.queue}${queueOptionsText(command.options)}`;
    case "delete_exchange":
      requireNames({ "exchange name": command.exchange });
      return `delete_exchange ${command.exchange}${command.force ? " force" : ""}`;
    case "delete_queue":
    case "purge":
      requireNames({ "queue name": command.queue });
      return `${command.kind} ${command.queue}${command.force ? " force" : ""}`;
    case "bind":
    case "unbind": {
      const { queue, exchange, routingKey } = command;
      requireNames({
        "queue name": queue,
        "exchange name": exchange,
        "routing key": routingKey,
      });
      return `${command.kind} ${queue} ${exchange} ${routingKey}`;
    }
    case "publish":
    case "publish_batch":
      requireNames({ "exchange name": command.exchange, "routing key": command.routingKey });
      return `${command.kind} ${command.exchange} ${command.routingKey} `;
    case "register_key":
      requireNames({ "client id": command.client });
      return `register_key ${command.client} ${toBase64(command.key)}`;
    case "get_key":
      requireNames({ "client id": command.client });
      return `get_key ${command.client}`;
    case "stats":
    case "reset_stats":
    case "heartbeat":
    case "backup":
    case "backup_end":
      return command.kind;
    case "backup_read":
      return `backup_read${numberText("offset", command.offset, 0, " ")}`;
    default:
      return ofDelivery(command);
  }
}

/** A command about what is or was delivered. */
function ofDelivery(command: DeliveryCommand): string {
  switch (command.kind) {
    case "consume":
      return consume(command.queue, command.prefetch);
    case "fetch":
      requireNames({ "queue name": command.queue });
      return `fetch ${command.queue}`;
    case "ack":
    case "touch":
      requireNames({ "message id": command.id });
      return `${command.kind} ${command.id}`;
    case "nack":
      return nack(command);
    case "dead_letters":
      requireNames({ "queue name": command.queue });
      return `dead_letters ${command.queue}${numberText("after_seq", command.after, 0, " ")}`;
    case "redrive": {
      const { queue, id } = command;
      requireNames({ "queue name": queue });
      if (id === undefined) return `redrive ${queue}`;
      requireNames({ "message id": id });
      return `redrive ${queue} ${id}`;
    }
  }
}

type DeliveryCommand = Extract<
  Command,
  { kind: "consume" | "fetch" | "ack" | "touch" | "nack" | "dead_letters" | "redrive" }
>;

function nack({ id, dead, reason }: Extract<Command, { kind: "nack" }>): string {
  requireNames({ "message id": id });
  if (reason === undefined) return `nack ${id}${dead ? " dead" : ""}`;
  const problem = dead ? reasonProblem(reason) : "is for a dead letter only";
  if (problem !== undefined) throw new CipherMqError("usage", `the reason ${problem}`);
  return `nack ${id} dead ${reason}`;
}

/** An optional number with what stands before it, or nothing when it is not given. */
function numberText(what: string, value: number | undefined, least: number, mark: string): string {
  if (value === undefined) return "";
  const text = String(value);
  if (toWholeNumber(text, least) === undefined) {
    throw new CipherMqError("usage", `${what} ${notWhole(least)}`);
  }
  return `${mark}${text}`;
}

function consume(queue: string, prefetch: number | undefined): string {
  requireNames({ "queue name": queue });
  if (prefetch === undefined) return `consume ${queue}`;
  if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > 999_999_999) {
    throw new CipherMqError("usage", "the prefetch is not a positive whole number");
  }
  return `consume ${queue} ${prefetch}`;
}

/**
 * Appends the line that `command` is. Throws a `CipherMqError` `invalid_name`, `invalid_message`
 * or `usage`, and appends nothing, for one that would not be one line with these arguments.
 */
export function encodeCommand(command: Command, writer: ByteWriter): void {
  const text = head(command);
  if (command.kind === "publish") {
    requireOneLine(command.message);
    const ttl = numberText("ttl_ms", command.ttlMs, 1, " ttl_ms=");
    writer.text(text);
    writer.bytes(command.message.body);
    writer.text(ttl);
  } else if (command.kind === "publish_batch") {
    command.messages.forEach(requireOneLine);
    writer.text(`${text}[`);
    command.messages.forEach((message, index) => {
      if (index > 0) writer.byte(COMMA);
      writer.bytes(message.body);
    });
    writer.text("]");
  } else {
    writer.text(text);
  }
  writer.byte(NEWLINE);
}
