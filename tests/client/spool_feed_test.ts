/**
 * The order in which messages go through a spool, and what happens when it fails.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { type NewMessage, SpoolFeed } from "../../lib/client/spool_feed.ts";
import type { Spool, SpooledMessage } from "../../lib/client/spool.ts";
import type { OutgoingMessage } from "../../lib/client/sender_window.ts";

/** A spool in memory that fails when told to. */
class List implements Spool {
  readonly kept: SpooledMessage[] = [];
  failing = false;
  #next = 0;

  get size(): number {
    return this.kept.length;
  }

  add(messages: readonly OutgoingMessage[]): number {
    if (this.failing) throw new CipherMqError("storage", "the disk is gone");
    const first = this.#next;
    for (const message of messages) this.kept.push({ ...message, place: this.#next++ });
    return first;
  }

  after(place: number, limit: number): SpooledMessage[] {
    return this.kept.filter((one) => one.place > place).slice(0, limit);
  }

  remove(places: readonly number[]): void {
    for (const place of places) this.kept.splice(this.kept.findIndex((m) => m.place === place), 1);
  }

  close(): void {}
}

function message(id: string): OutgoingMessage {
  return { id, receiver: "r", exchange: "x", routingKey: "k", body: new Uint8Array(10) };
}

/** A feed with its target, and all that happens in order. */
function newFeed(spool: List, room = Infinity) {
  const log: string[] = [];
  const target = {
    room,
    hasRoom: () => target.room > 0,
    add: ({ id }: OutgoingMessage, place: number) => void log.push(`new ${id} at ${place}`),
    addLeft: ({ id }: OutgoingMessage) => {
      target.room--;
      log.push(`left ${id}`);
    },
  };
  const fresh = (id: string): NewMessage => ({
    ...message(id),
    taken: () => void log.push(`taken ${id} of ${spool.size}`),
    failed: (error) => void log.push(`failed ${id}: ${error.message}`),
  });
  return { feed: new SpoolFeed(spool), target, fresh, log };
}

Deno.test("new messages are kept before they are sent or said to be taken, all of a turn at once", () => {
  const spool = new List();
  const { feed, target, fresh, log } = newFeed(spool);
  feed.push(fresh("a"));
  feed.push(fresh("b"));
  assert.deepEqual([feed.waiting, feed.waitingBytes, log.length], [2, 20, 0]);
  feed.feed(target);
  assert.deepEqual(log, ["new a at 0", "new b at 1", "taken a of 2", "taken b of 2"]);
  assert.deepEqual([feed.waiting, feed.waitingBytes], [0, 0]);
  feed.done(0);
  assert.equal(spool.size, 2);
  feed.sweep();
  assert.deepEqual(spool.kept.map(({ id }) => id), ["b"]);
});

Deno.test("what an earlier sender left goes first, as far as there is room, and new messages behind all of it", () => {
  const spool = new List();
  const ids = Array.from({ length: 600 }, (_, n) => `m${n}`);
  spool.add(ids.map(message));
  spool.remove([3]);
  ids.splice(3, 1);
  const { feed, target, fresh, log } = newFeed(spool, 300);
  feed.push(fresh("new"));
  feed.feed(target);
  assert.equal(feed.draining, true);
  // What is sent meanwhile leaves the spool.
  feed.done(0);
  feed.sweep();
  feed.feed(target);
  assert.deepEqual(log, ids.slice(0, 300).map((id) => `left ${id}`));
  target.room = 1_000;
  feed.feed(target);
  assert.equal(feed.draining, false);
  assert.deepEqual(log.slice(300), [
    ...ids.slice(300).map((id) => `left ${id}`),
    "new new at 600",
    "taken new of 599",
  ]);
});

Deno.test("what could not be kept fails and is not sent; at the end what was not kept is given back", () => {
  const spool = new List();
  const { feed, target, fresh, log } = newFeed(spool);
  spool.failing = true;
  feed.push(fresh("a"));
  feed.feed(target);
  assert.deepEqual(log, ["failed a: the disk is gone"]);
  feed.push(fresh("b"));
  assert.deepEqual(feed.end().map(({ id }) => id), ["b"]);
  assert.equal(feed.waiting, 0);
});
