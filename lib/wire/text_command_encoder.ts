/**
 * Commands to lines of the text protocol: the client's side.
 *
 * @module
 */
import { type ByteWriter, toBase64 } from "../base/bytes.ts";
import { CipherMqError } from "../base/errors.ts";
import { nameProblem } from "../base/names.ts";
import type { Command, PublishedMessage } from "./command.ts";

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
    case "fetch":
      requireNames({ "queue name": command.queue });
      return `${command.kind} ${command.queue}`;
    case "consume":
      return consume(command.queue, command.prefetch);
    case "bind": {
      const { queue, exchange, routingKey } = command;
      requireNames({
        "queue name": queue,
        "exchange name": exchange,
        "routing key": routingKey,
      });
      return `bind ${queue} ${exchange} ${routingKey}`;
    }
    case "publish":
    case "publish_batch":
      requireNames({ "exchange name": command.exchange, "routing key": command.routingKey });
      return `${command.kind} ${command.exchange} ${command.routingKey} `;
    case "ack":
      requireNames({ "message id": command.id });
      return `ack ${command.id}`;
    case "register_key":
      requireNames({ "client id": command.client });
      return `register_key ${command.client} ${toBase64(command.key)}`;
    case "get_key":
      requireNames({ "client id": command.client });
      return `get_key ${command.client}`;
    default:
      return command.kind;
  }
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
    writer.text(text);
    writer.bytes(command.message.body);
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
