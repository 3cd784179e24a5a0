/**
 * Room for what clients send: who is let on when it is used up, and that nobody waits for ever.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Holder, IncomingRoom, OWN_BYTES } from "../../lib/server/incoming_room.ts";

const LINE = 100_000;
/** Two lines for everybody, and two for those who are let on. */
const LIMITS = { maxLineBytes: LINE, maxIncomingBytes: 4 * LINE };

class Sender implements Holder {
  letOn = 0;

  readOn(): void {
    this.letOn++;
  }
}

Deno.test("room is full at exactly half of its bytes", () => {
  const room = new IncomingRoom(LIMITS);
  const sender = new Sender();
  room.set(sender, 2 * LINE - 1);
  assert(!room.full);
  room.set(sender, 2 * LINE);
  assert(room.full && room.isInTheWay(sender));
  room.set(sender, 0);
  assert.equal(room.heldBytes, 0);
});

Deno.test("in full room whoever holds no more than its own is read", () => {
  const room = new IncomingRoom(LIMITS);
  for (let i = 0; i < 4; i++) {
    const sender = new Sender();
    room.set(sender, LINE);
    assert.equal(room.admits(sender), i < 3, `sender ${i}`);
  }
  const small = new Sender();
  room.set(small, OWN_BYTES);
  assert(room.admits(small) && !room.isInTheWay(small));
  room.set(small, OWN_BYTES + 1);
  assert(!room.admits(small) && room.isInTheWay(small));
});

Deno.test("senders never wait for each other, and what they hold is bounded, in any order of events", () => {
  const piece = 20_000;
  const run = (choices: readonly number[]) => {
    const room = new IncomingRoom(LIMITS);
    const open = Array.from({ length: 12 }, () => new PlayedSender(room));
    const most = LIMITS.maxIncomingBytes + open.length * (OWN_BYTES + piece);
    for (let turn = 0; open.length > 0; turn++) {
      const readable = open.filter((sender) => sender.reading);
      assert(readable.length > 0, "somebody may always send");
      const sender = readable[(choices[turn % choices.length] ?? 0) % readable.length]!;
      if (sender.take(piece)) open.splice(open.indexOf(sender), 1);
      assert(room.heldBytes <= most, `${room.heldBytes} bytes are held`);
    }
    assert.equal(room.heldBytes, 0);
  };
  fc.assert(fc.property(fc.array(fc.nat(), { minLength: 1 }), run), { numRuns: 100 });
});

/** Sends one line of the longest kind, whose command is answered at once. */
class PlayedSender implements Holder {
  reading = true;
  readonly #room: IncomingRoom;
  #bytes = 0;

  constructor(room: IncomingRoom) {
    this.#room = room;
  }

  readOn(): void {
    this.reading = this.#room.admits(this);
  }

  /** Whether its line ended. */
  take(bytes: number): boolean {
    this.#bytes += bytes;
    const ended = this.#bytes >= LINE;
    this.#room.set(this, ended ? 0 : this.#bytes);
    this.reading = this.#room.admits(this);
    return ended;
  }
}
