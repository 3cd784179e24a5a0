/**
 * Replies to lines of the text protocol and back.
 *
 * @module
 */
import { assert } from "../base/assert.ts";
import { type ByteWriter, decodedLength, fromBase64, toBase64 } from "../base/bytes.ts";
import { CipherMqError } from "../base/errors.ts";
import { nameProblem } from "../base/names.ts";
import type { Line } from "./line_framer.ts";
import type { ReceivedReply, Reply } from "./reply.ts";
import { toWholeNumber } from "./whole_number.ts";

const NEWLINE = 10;
const KEY_BYTES = 32;
const FAILURE = /^(?:Error|Missing|Invalid|Unknown)\b/;
const ABOUT_MESSAGE = " for message ";

const ALWAYS_SAME = {
  exchange_declared: "Exchange declared",
  queue_declared: "Queue declared",
  queue_bound: "Queue bound",
  queue_unbound: "Queue unbound",
  queue_deleted: "Queue deleted",
  exchange_deleted: "Exchange deleted",
  subscribed: "Subscribed to queue",
  no_messages: "No messages",
  key_registered: "Public key registered",
  no_key: "No public key found",
  stats_reset: "Stats reset",
  heartbeat_ok: "HEARTBEAT_OK",
  backup_ended: "Backup ended",
} as const;

type PlainReply = { readonly kind: keyof typeof ALWAYS_SAME };

const BY_TEXT: ReadonlyMap<string, PlainReply> = new Map(
  Object.entries(ALWAYS_SAME).map(([kind, text]) => [text, { kind } as PlainReply]),
);

/** The reply's line, apart from the body of a message. */
function lineOf(reply: Reply): string {
  switch (reply.kind) {
    case "accepted":
      return `ACK ${reply.id}`;
    case "ack_confirmed":
      return `ACK_CONFIRMED ${reply.id}`;
    case "nack_confirmed":
      return `NACK_CONFIRMED ${reply.id}`;
    case "touched":
      return `TOUCHED ${reply.id}`;
    case "queue_purged":
      return `Queue purged: ${reply.count}`;
    case "redriven":
      return `Redriven: ${reply.count}`;
    case "dead_letters":
      return `Dead letters: ${reply.json}`;
    case "message":
      return `Message: ${reply.id} `;
    case "public_key":
      return `Public key: ${toBase64(reply.key)}`;
    case "stats":
      return `Stats: ${reply.json}`;
    case "backup":
      return `Backup: ${reply.bytes}`;
    case "backup_piece":
      return `Backup piece: ${toBase64(reply.data)}`;
    case "failed":
      return reply.text;
    default:
      return ALWAYS_SAME[reply.kind];
  }
}

/** Appends the line that `reply` is. */
export function encodeReply(reply: Reply, writer: ByteWriter): void {
  const line = lineOf(reply);
  assert(!line.includes("\n") && !line.includes("\r"), "a reply is one line");
  if (reply.kind === "message") {
    assert(!reply.body.includes(NEWLINE), "a message is one line");
    writer.text(line);
    writer.bytes(reply.body);
  } else {
    writer.text(line);
  }
  writer.byte(NEWLINE);
}

function nonsense(why: string): CipherMqError {
  return new CipherMqError("protocol", `cannot understand the broker: ${why}`);
}

function idOf(text: string): string {
  const problem = nameProblem(text);
  if (problem !== undefined) throw nonsense(`a message id ${problem}`);
  return text;
}

function countOf(text: string): number {
  const count = toWholeNumber(text, 0);
  if (count === undefined) throw nonsense("a count that is not a whole number");
  return count;
}

function decodeMessage(rest: string): ReceivedReply {
  const space = rest.indexOf(" ");
  if (space === -1) throw nonsense("a message without an envelope");
  return { kind: "message", id: idOf(rest.slice(0, space)), text: rest.slice(space + 1) };
}

function decodePublicKey(rest: string): ReceivedReply {
  const key = fromBase64(rest, KEY_BYTES);
  if (key === undefined) throw nonsense(`a public key that is not ${KEY_BYTES} bytes in base64`);
  return { kind: "public_key", key };
}

function decodePiece(rest: string): ReceivedReply {
  const data = fromBase64(rest, decodedLength(rest));
  if (data === undefined || data.length === 0) {
    throw nonsense("a piece of a backup that is not base64");
  }
  return { kind: "backup_piece", data };
}

function decodeFailure(text: string): ReceivedReply {
  const at = text.lastIndexOf(ABOUT_MESSAGE);
  const id = at === -1 ? "" : text.slice(at + ABOUT_MESSAGE.length);
  return nameProblem(id) === undefined ? { kind: "failed", text, id } : { kind: "failed", text };
}

const BY_PREFIX: readonly (readonly [string, (rest: string) => ReceivedReply])[] = [
  ["Message: ", decodeMessage],
  ["ACK ", (rest) => ({ kind: "accepted", id: idOf(rest) })],
  ["ACK_CONFIRMED ", (rest) => ({ kind: "ack_confirmed", id: idOf(rest) })],
  ["NACK_CONFIRMED ", (rest) => ({ kind: "nack_confirmed", id: idOf(rest) })],
  ["TOUCHED ", (rest) => ({ kind: "touched", id: idOf(rest) })],
  ["Queue purged: ", (rest) => ({ kind: "queue_purged", count: countOf(rest) })],
  ["Redriven: ", (rest) => ({ kind: "redriven", count: countOf(rest) })],
  ["Dead letters: ", (rest) => ({ kind: "dead_letters", json: rest })],
  ["Public key: ", decodePublicKey],
  ["Stats: ", (rest) => ({ kind: "stats", json: rest })],
  ["Backup: ", (rest) => ({ kind: "backup", bytes: countOf(rest) })],
  ["Backup piece: ", decodePiece],
];

/**
 * The reply that `line` is. Throws a `CipherMqError` `protocol` for a line that is none, whose text
 * repeats nothing of the line.
 */
export function decodeReply(line: Line): ReceivedReply {
  if (line === undefined) throw nonsense("a line that is not UTF-8");
  for (const [prefix, decode] of BY_PREFIX) {
    if (line.startsWith(prefix)) return decode(line.slice(prefix.length));
  }
  const plain = BY_TEXT.get(line);
  if (plain !== undefined) return plain;
  if (FAILURE.test(line)) return decodeFailure(line);
  throw nonsense("a line that is no reply");
}
