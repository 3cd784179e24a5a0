/**
 * What a receiver acknowledges, and on which connection.
 *
 * @module
 */
import assert from "node:assert/strict";
import { envelopeText } from "../../lib/base/envelope.ts";
import { MemoryInbox } from "../../lib/client/inbox.ts";
import { ReceiverState } from "../../lib/client/receiver_state.ts";
import { EnvelopeOpener, EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import type { ReceivedMessage } from "../../lib/wire/reply.ts";

const { publicKey, privateKey } = generateKeyPair();
const sealer = new EnvelopeSealer({ receiver: "r", publicKey });

function delivery(id: string): ReceivedMessage {
  return { kind: "message", id, text: envelopeText(sealer.seal(`text of ${id}`, id)) };
}

function newState(inbox = new MemoryInbox()): ReceiverState {
  return new ReceiverState({
    identity: "r",
    opener: new EnvelopeOpener(privateKey),
    has: (key) => inbox.has(key),
    onProblem: () => assert.fail("there is no problem"),
  });
}

Deno.test("what came on a lost connection is not acknowledged on the next, and comes again as a duplicate", () => {
  const inbox = new MemoryInbox();
  const state = newState(inbox);
  const a = delivery("a");
  state.push(a);
  state.push(delivery("b"));
  const batch = state.open(1);
  state.lost();
  assert.equal(state.waiting, 0);
  inbox.add(batch.fresh.map((one) => one.key));
  assert.deepEqual(state.accepted(batch), []);
  assert.equal(state.counts.received, 1);
  state.push(a);
  const again = state.open(10);
  assert.deepEqual(again.fresh, []);
  assert.deepEqual(state.accepted(again), [{ kind: "ack", id: "a" }]);
  assert.equal(state.unconfirmed, 1);
  state.reply({ kind: "ack_confirmed", id: "a" });
  assert.equal(state.unconfirmed, 0);
  assert.throws(() => state.reply({ kind: "subscribed" }), /answered an ack/);
});

Deno.test("a batch has no more new messages than asked for", () => {
  const state = newState();
  for (const id of ["a", "b", "c"]) state.push(delivery(id));
  assert.deepEqual(state.open(2).fresh.map((one) => one.text), ["text of a", "text of b"]);
  assert.ok(state.waitingChars > 0);
  assert.deepEqual(state.open(2).ids, ["c"]);
  assert.equal(state.waitingChars, 0);
});
