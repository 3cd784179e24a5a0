/**
 * What a client makes of all that a broker sends: the replies of `docs/protocol.md`, written from
 * that page and not from the code.
 *
 * @module
 */
import { base64Bytes, isName, linesOf, wholeNumber } from "./reference_names.ts";

/** A reply with the fields that it has, or nothing for a line that is none. */
export type ReferenceReply = Readonly<Record<string, unknown>> | undefined;

const FIXED: ReadonlyMap<string, string> = new Map([
  ["Exchange declared", "exchange_declared"],
  ["Queue declared", "queue_declared"],
  ["Queue bound", "queue_bound"],
  ["Queue unbound", "queue_unbound"],
  ["Queue deleted", "queue_deleted"],
  ["Exchange deleted", "exchange_deleted"],
  ["Subscribed to queue", "subscribed"],
  ["No messages", "no_messages"],
  ["Public key registered", "key_registered"],
  ["No public key found", "no_key"],
  ["Stats reset", "stats_reset"],
  ["HEARTBEAT_OK", "heartbeat_ok"],
  ["Backup ended", "backup_ended"],
]);

function withId(kind: string): (rest: string) => ReferenceReply {
  return (id) => isName(id) ? { kind, id } : undefined;
}

function withNumber(kind: string, field: string): (rest: string) => ReferenceReply {
  return (text) => {
    const value = wholeNumber(text);
    return value === undefined ? undefined : { kind, [field]: value };
  };
}

const WITH_ARGUMENT: readonly (readonly [string, (rest: string) => ReferenceReply])[] = [
  ["ACK ", withId("accepted")],
  ["ACK_CONFIRMED ", withId("ack_confirmed")],
  ["NACK_CONFIRMED ", withId("nack_confirmed")],
  ["TOUCHED ", withId("touched")],
  ["Queue purged: ", withNumber("queue_purged", "count")],
  ["Redriven: ", withNumber("redriven", "count")],
  ["Backup: ", withNumber("backup", "bytes")],
  ["Backup piece: ", (text) => {
    const data = base64Bytes(text);
    // "at least one byte"
    return data === undefined || data.length === 0 ? undefined : { kind: "backup_piece", data };
  }],
  ["Dead letters: ", (json) => ({ kind: "dead_letters", json })],
  ["Stats: ", (json) => ({ kind: "stats", json })],
  ["Public key: ", (text) => {
    const key = base64Bytes(text);
    return key?.length === 32 ? { kind: "public_key", key } : undefined;
  }],
  ["Message: ", (rest) => {
    const [id = "", ...text] = rest.split(" ");
    if (text.length === 0 || !isName(id)) return undefined;
    return { kind: "message", id, text: text.join(" ") };
  }],
];

/** "The line begins with `Error`, `Missing`, `Invalid` or `Unknown`", and ends with the id it is about. */
function failure(line: string): ReferenceReply {
  const words = ["Error", "Missing", "Invalid", "Unknown"];
  const isFailure = words.some((word) =>
    line.startsWith(word) && !/^[A-Za-z0-9_]/.test(line.slice(word.length))
  );
  if (!isFailure) return undefined;
  const id = / for message ([^ ]*)$/s.exec(line)?.[1] ?? "";
  return { kind: "failed", text: line, ...(isName(id) && { id }) };
}

function reply(line: string): ReferenceReply {
  const fixed = FIXED.get(line);
  if (fixed !== undefined) return { kind: fixed };
  const found = WITH_ARGUMENT.find(([prefix]) => line.startsWith(prefix));
  return found === undefined ? failure(line) : found[1](line.slice(found[0].length));
}

/** All replies up to the first line that is none, and whether there is one. */
export function referenceReplies(
  stream: Uint8Array,
  maxLineBytes: number,
): { readonly replies: readonly object[]; readonly broken: boolean } {
  const replies: object[] = [];
  for (const line of linesOf(stream, maxLineBytes)) {
    const found = typeof line === "string" ? undefined : reply(line.text);
    if (found === undefined) return { replies, broken: true };
    replies.push(found);
  }
  return { replies, broken: false };
}
