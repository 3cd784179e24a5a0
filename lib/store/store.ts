/**
 * The port to durable memory, and its contract in prose. `tests/contracts/store_contract.ts` is
 * the same contract as tests, run against every implementation.
 *
 * @module
 */
import type { Change } from "../core/effect.ts";
import type { MessageRef } from "../core/message.ts";
import type { Snapshot, StoredMessage } from "../core/restore.ts";

/**
 * Durable memory.
 *
 * - {@linkcode Store.load} is called once, before anything else, and gives the state of the last
 *   commit that resolved, plus possibly the whole of the one commit whose outcome nobody learned.
 *   Never part of a commit. {@linkcode Store.messages} is read once, to its end, right after it:
 *   queued and remembered messages, commit by commit, and in a lane by their place.
 * - {@linkcode Store.commit} takes effect as a whole or not at all. When it resolves, its changes
 *   survive the death of the process and of the machine. Calls do not overlap. Declaring an exchange
 *   or binding again changes nothing, declaring a queue again sets its options, and undoing what is
 *   not there does nothing; with an exchange or queue its bindings go. Changes that contradict the
 *   state reject: a message out of its lane's order, or one removed, returned or moved that is not
 *   queued at that point of the commit. A moved message may have come with the same commit; the body
 *   of every moved message is in memory until the commit ends.
 * - {@linkcode Store.read} takes messages that are queued as of the last commit, so not those
 *   that the same commit removed. In a lane's order it is cheapest. The bodies share memory with the
 *   store: they are not to be changed.
 * - After `load`, `messages`, `commit`, `read` or `forget` has rejected, the store is unusable and rejects
 *   always: the caller closes it, stops, and starts anew from `load`.
 * - A removed message's `(receiver, id)` and an enqueued message's `(publisher, id, checksum)` stay
 *   in the snapshot for the duplicate horizon, and may stay longer; so does the place that a moved one
 *   left. A lane's `nextSeq` stays for ever, also when its queue is deleted.
 */
export interface Store {
  /** What the core needs to go on after a restart, except the messages. */
  load(): Promise<Snapshot>;
  /** The messages, in pieces of no particular size. */
  messages(): AsyncIterable<readonly StoredMessage[]>;
  /** Makes the changes durable, in order, as one. `wallMs` is when they were accepted. */
  commit(changes: readonly Change[], wallMs: number): Promise<void>;
  /** The bodies of queued messages, in the order asked. Rejects if one is not there. */
  read(messages: readonly MessageRef[]): Promise<Uint8Array[]>;
  /** Forgets messages that are removed and were accepted before `wallMs`; a bounded piece a call, true when there is more. */
  forget(wallMs: number): Promise<boolean>;
  /** Releases the files, also after a failure. Every call afterwards rejects. */
  close(): Promise<void>;
}
