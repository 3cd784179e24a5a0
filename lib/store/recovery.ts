/**
 * What a store found when it was opened.
 *
 * @module
 */
import type { StoredMessage } from "../core/restore.ts";

/** What was recovered, to be told to whoever runs the broker. */
export interface Recovery {
  /** Declared queues. */
  readonly queues: number;
  /** Queued messages. */
  readonly messages: number;
  /** Ids remembered of messages that are not queued any more. */
  readonly remembered: number;
  /** Bytes of the database file. */
  readonly bytes: number;
  /** How long it took from the opening to the last message, in milliseconds. */
  readonly ms: number;
}

/** Counts messages while they are read, and gives the numbers of queued and remembered ones. */
export async function* counting(
  pieces: AsyncIterable<readonly StoredMessage[]>,
): AsyncGenerator<readonly StoredMessage[], Pick<Recovery, "messages" | "remembered">> {
  const counts = { messages: 0, remembered: 0 };
  for await (const messages of pieces) {
    for (const { gone } of messages) {
      if (gone === undefined) counts.messages++;
      else counts.remembered++;
    }
    yield messages;
  }
  return counts;
}
