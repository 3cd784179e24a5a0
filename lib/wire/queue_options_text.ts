/**
 * The options of a queue as `declare_queue` has them: `name=value`, one space before each.
 *
 * @module
 */
import type { ExpiryAction, QueueOptions } from "../base/queue_options.ts";
import { refused } from "./text_arguments.ts";
import { notWhole, toWholeNumber } from "./whole_number.ts";

type Value = number | ExpiryAction;

interface QueueOption {
  readonly key: keyof QueueOptions;
  /** The value that a text stands for, if it is one. */
  readonly read: (text: string) => Value | undefined;
  /** What is wrong with any other text. */
  readonly problem: string;
}

function wholeNumber(key: keyof QueueOptions, least: number): QueueOption {
  return { key, read: (text) => toWholeNumber(text, least), problem: notWhole(least) };
}

const EXPIRY_ACTIONS: readonly ExpiryAction[] = ["dead", "remove"];

const OPTIONS: ReadonlyMap<string, QueueOption> = new Map([
  ["ack_timeout_ms", wholeNumber("ackTimeoutMs", 1)],
  ["max_deliveries", wholeNumber("maxDeliveries", 0)],
  ["ttl_ms", wholeNumber("ttlMs", 0)],
  ["expired", {
    key: "expired",
    read: (text) => EXPIRY_ACTIONS.find((action) => action === text),
    problem: "is neither 'dead' nor 'remove'",
  }],
  ["max_messages", wholeNumber("maxMessages", 1)],
  ["max_bytes", wholeNumber("maxBytes", 1)],
]);

function readOption(word: string, found: Map<keyof QueueOptions, Value>): void {
  const equals = word.indexOf("=");
  const name = equals === -1 ? word : word.slice(0, equals);
  const option = OPTIONS.get(name);
  if (option === undefined) {
    throw refused(`unknown queue option; there are ${[...OPTIONS.keys()].join(", ")}`);
  }
  // From here on the name is one of ours, and may be repeated.
  if (found.has(option.key)) throw refused(`the queue option ${name} is given twice`);
  const value = equals === -1 ? undefined : option.read(word.slice(equals + 1));
  if (value === undefined) throw refused(`the queue option ${name} ${option.problem}`);
  found.set(option.key, value);
}

/**
 * The options in `text`, which has at least one. Throws `usage` with the reason, which repeats
 * nothing of the text but the names of options that there are.
 */
export function readQueueOptions(text: string): Partial<QueueOptions> {
  const found = new Map<keyof QueueOptions, Value>();
  // One word at a time: a long line of words must not become a long list of them.
  for (let start = 0; start <= text.length;) {
    const space = text.indexOf(" ", start);
    const end = space === -1 ? text.length : space;
    readOption(text.slice(start, end), found);
    start = end + 1;
  }
  return Object.fromEntries(found) as Partial<QueueOptions>;
}

/**
 * The options as text, a space before each; empty when there are none. Throws `usage` for a value
 * that {@linkcode readQueueOptions} would not take.
 */
export function queueOptionsText(options: Partial<QueueOptions>): string {
  let text = "";
  for (const [name, { key, read, problem }] of OPTIONS) {
    const value = options[key];
    if (value === undefined) continue;
    if (read(String(value)) === undefined) throw refused(`the queue option ${name} ${problem}`);
    text += ` ${name}=${value}`;
  }
  return text;
}
