/**
 * What a receiver acknowledges, and on which connection.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Envelope, envelopeText } from "../../lib/base/envelope.ts";
import { MemoryInbox, messageKey } from "../../lib/client/inbox.ts";
import { type Problem, ReceiverState } from "../../lib/client/receiver_state.ts";
import { EnvelopeOpener, EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import type { Command } from "../../lib/wire/command.ts";
import { reasonProblem } from "../../lib/wire/reject_reason.ts";
import type { ReceivedMessage } from "../../lib/wire/reply.ts";

const { publicKey, privateKey } = generateKeyPair();
const sealer = new EnvelopeSealer({ receiver: "r", publicKey });

function delivery(id: string): ReceivedMessage {
  return { kind: "message", id, text: envelopeText(sealer.seal(`text of ${id}`, id)) };
}

function newState(inbox = new MemoryInbox(), problems: Problem[] = []): ReceiverState {
  return new ReceiverState({
    identity: "r",
    opener: new EnvelopeOpener(privateKey),
    has: (key) => inbox.has(key),
    onProblem: (problem) => problems.push(problem),
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

Deno.test("a message that a broker delivers again under another id is a duplicate", () => {
  const inbox = new MemoryInbox();
  const state = newState(inbox);
  const one = delivery("one");
  const forged = { ...one, id: "two", text: one.text.replace('"one"', '"two"') };
  for (const message of [one, forged]) state.push(message);
  assert.deepEqual(state.open(10).fresh.map(({ id }) => id), ["one"]);
  inbox.add([messageKey(JSON.parse(one.text))]);
  state.push(forged);
  assert.deepEqual(state.open(10).answers, [{ kind: "ack", id: "two" }]);
  assert.equal(state.counts.duplicates, 2);
});

Deno.test("an altered copy of a message does not stand in its way, before or after it", () => {
  const genuine = delivery("one");
  const envelope: Envelope = JSON.parse(genuine.text);
  const flip = (text: string, at: number) =>
    text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  const altered: Partial<Envelope>[] = [
    { ciphertext: flip(envelope.ciphertext, 0) },
    { nonce: flip(envelope.nonce, 5) },
    { enc_session_key: flip(envelope.enc_session_key, 60) },
    { receiver_client_id: "another" },
  ];
  for (const change of altered) {
    const copy = { ...genuine, text: envelopeText({ ...envelope, ...change }) };
    const state = newState();
    state.push(copy);
    state.push(genuine);
    const batch = state.open(10);
    assert.deepEqual(batch.fresh.map(({ text }) => text), ["text of one"]);
    assert.deepEqual(batch.answers.map(({ kind }) => kind), ["nack", "ack"]);
    assert.deepEqual(state.counts, { received: 0, duplicates: 0, unopened: 1 });
    // What was taken is not read again, so that a redelivery is known whatever became of the keys.
    state.push(genuine);
    state.push(copy);
    assert.equal(state.open(10).fresh.length, 1);
    assert.equal(state.counts.duplicates, 1);
  }
});

Deno.test("a batch has no more new messages than asked for", () => {
  const state = newState();
  for (const id of ["a", "b", "c"]) state.push(delivery(id));
  assert.deepEqual(state.open(2).fresh.map((one) => one.text), ["text of a", "text of b"]);
  assert.ok(state.waitingChars > 0);
  assert.deepEqual(state.open(2).answers, [{ kind: "ack", id: "c" }]);
  assert.equal(state.waitingChars, 0);
});

Deno.test("what cannot be opened is refused in its turn, because an id alone means the delivery held longest", () => {
  const problems: Problem[] = [];
  const state = newState(new MemoryInbox(), problems);
  const foreign = new EnvelopeSealer({ receiver: "r", publicKey: generateKeyPair().publicKey });
  const bad = (id: string) => ({ kind: "message", id, text: envelopeText(foreign.seal("", id)) });
  state.push(delivery("same"));
  state.push(bad("same") as ReceivedMessage);
  const [good, refused] = state.accepted(state.open(10));
  assert.deepEqual(good, { kind: "ack", id: "same" });
  assert(refused?.kind === "nack" && refused.dead && refused.id === "same");
  assert.equal(reasonProblem(refused.reason!), undefined);
  assert.equal(state.unconfirmed, 2);
  state.reply({ kind: "ack_confirmed", id: "same" });
  state.reply({ kind: "nack_confirmed", id: "same" });
  assert.equal(state.unconfirmed, 0);
  assert.deepEqual(problems.map(({ error }) => error.code), ["cryptographic"]);
  assert.deepEqual(state.counts, { received: 1, duplicates: 0, unopened: 1 });
});

Deno.test("what is held since the last look is prolonged, in work or waiting, until it is settled", () => {
  const ids = (commands: readonly Command[]) => {
    return commands.map((one) => one.kind === "touch" ? one.id : one.kind);
  };
  const state = newState();
  for (const id of ["a", "b", "c"]) state.push(delivery(id));
  assert.deepEqual(ids(state.touches()), []);
  const batch = state.open(2);
  state.push(delivery("d"));
  assert.deepEqual(ids(state.touches()), ["a", "b", "c"]);
  assert.deepEqual(ids(state.touches()), ["a", "b", "c", "d"]);
  state.accepted(batch);
  assert.deepEqual(ids(state.touches()), ["c", "d"]);
  state.lost();
  assert.deepEqual(ids(state.touches()), []);
  state.push(delivery("a"));
  assert.deepEqual(ids(state.touches()), []);
  assert.deepEqual(ids(state.touches()), ["a"]);
});
