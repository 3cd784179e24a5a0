/**
 * The heads of a row's messages as text: one flat JSON array. Each message is its id, size and
 * checksum; before the first, and before each that differs, comes an array of what neighbours mostly
 * share: publisher, exchange, routing key, expiry and, for a dead letter, what it was.
 *
 * JSON, because reading a million of them is quick and gives each id memory of its own: a slice of a
 * text would keep the whole text alive.
 *
 * @module
 */
import type { DeadLetter, DeadReason, MessageHead, MessageRef } from "../core/message.ts";

/** What the text says of a message. */
export type Head = Omit<MessageHead, keyof MessageRef>;

/** What messages of a row mostly have in common. */
type Shared = Omit<Head, "id" | "size" | "checksum">;

type DeadText = [reason: DeadReason, text: string, deliveries: number, atMs: number, queue: string];
type SharedText = [
  publisher: string,
  exchange: string,
  routingKey: string,
  expiresMs: number,
  dead?: DeadText,
];

/** Names remembered at a time: routing keys may all differ. */
const MOST_NAMES = 10_000;

/** Gives one string for equal strings, so that a million messages share the few names there are. */
export class SharedNames {
  readonly #names = new Map<string, string>();

  /** The string that was first given for this text, as far back as is remembered. */
  of<Name extends string>(name: Name): Name {
    const known = this.#names.get(name);
    if (known !== undefined) return known as Name;
    if (this.#names.size === MOST_NAMES) this.#names.clear();
    this.#names.set(name, name);
    return name;
  }
}

/** The heads of messages as text, in order. */
export function headsText(messages: readonly { readonly message: Head }[]): string {
  const values: (string | number | SharedText)[] = [];
  let before: Shared | undefined;
  for (const { message } of messages) {
    if (before === undefined || !isAlike(before, message)) values.push(sharedText(message));
    values.push(message.id, message.size, message.checksum);
    before = message;
  }
  return JSON.stringify(values);
}

function isAlike(a: Shared, b: Shared): boolean {
  return a.publisher === b.publisher && a.exchange === b.exchange &&
    a.routingKey === b.routingKey && a.expiresMs === b.expiresMs && isSameDeath(a.dead, b.dead);
}

function isSameDeath(a: DeadLetter | undefined, b: DeadLetter | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.reason === b.reason && a.text === b.text && a.deliveries === b.deliveries &&
    a.atMs === b.atMs && a.queue === b.queue;
}

function sharedText({ publisher, exchange, routingKey, expiresMs, dead }: Shared): SharedText {
  const shared: SharedText = [publisher, exchange, routingKey, expiresMs];
  if (dead !== undefined) {
    shared.push([dead.reason, dead.text, dead.deliveries, dead.atMs, dead.queue]);
  }
  return shared;
}

/** Reads heads, in order. Throws a SyntaxError or TypeError at what is none. */
export function* readHeads(text: string, names: SharedNames): Generator<Head> {
  const values: unknown = JSON.parse(text);
  if (!Array.isArray(values)) throw damaged();
  let shared: Shared | undefined;
  for (let at = 0; at < values.length; at += 3) {
    if (Array.isArray(values[at])) shared = readShared(values[at++], names);
    const [id, size, checksum]: unknown[] = [values[at], values[at + 1], values[at + 2]];
    if (shared === undefined || typeof id !== "string" || !isWhole(size) || !isWhole(checksum)) {
      throw damaged();
    }
    const { publisher, exchange, routingKey, expiresMs, dead } = shared;
    yield { id, publisher, size, checksum, exchange, routingKey, expiresMs, dead };
  }
}

function readShared(value: SharedText, names: SharedNames): Shared {
  const [publisher, exchange, routingKey, expiresMs, dead] = value;
  const texts: unknown[] = [publisher, exchange, routingKey];
  if (!texts.every((text) => typeof text === "string") || !isWhole(expiresMs)) throw damaged();
  return {
    publisher: names.of(publisher),
    exchange: names.of(exchange),
    routingKey: names.of(routingKey),
    expiresMs,
    dead: dead === undefined ? undefined : readDead(dead, names),
  };
}

function readDead(value: DeadText, names: SharedNames): DeadLetter {
  const [reason, text, deliveries, atMs, queue] = value;
  const texts: unknown[] = [reason, text, queue];
  if (
    !texts.every((text) => typeof text === "string") || !isWhole(deliveries) || !isWhole(atMs)
  ) throw damaged();
  return {
    reason: names.of(reason),
    text: names.of(text),
    deliveries,
    atMs,
    queue: names.of(queue),
  };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function damaged(): TypeError {
  return new TypeError("the heads of a row of messages are damaged");
}
