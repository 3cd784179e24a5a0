/**
 * What the broker's failure lines mean to a sender.
 *
 * @module
 */
import assert from "node:assert/strict";
import { refusalFor } from "../../lib/client/refusal.ts";

Deno.test("a failure line's words tell what is tried again and what is reported", () => {
  for (
    const [text, code, obstacle] of [
      ["Error: no exchange 'ciphermq'; declare it first", "unroutable", "no_queue"],
      ["Error: no queue is bound to exchange 'x' with routing key 'k'", "unroutable", "no_queue"],
      ["Error: Exchange x not found", "unroutable", "no_queue"],
      ["Error: this message id was already used for another message", "conflict", undefined],
      ["Error: queue 'q' is full (3 messages); try again later", "limit", "no_room"],
      ["Error: the broker's disk is nearly full; try again later", "limit", "no_room"],
      ["Error: a message may have 1000 bytes, the limit", "limit", undefined],
      ["Error: 'a' may not publish to 'x'", "access_denied", undefined],
      ["Invalid message format: tag is not base64", "invalid_message", undefined],
      ["Error: what nobody thought of", "protocol", undefined],
    ] as const
  ) {
    const refusal = refusalFor({ kind: "failed", text: `${text} for message m`, id: "m" });
    assert.equal(refusal?.error.code, code, text);
    assert.equal(refusal?.obstacle, obstacle, text);
    assert.ok(!/for message|try again/.test(refusal!.error.message));
  }
});

Deno.test("in a batch a failure line is the refusal of the message it names only", () => {
  const reply = { kind: "failed", text: "Error: full for message a", id: "a" } as const;
  assert.notEqual(refusalFor(reply, "a"), undefined);
  assert.equal(refusalFor(reply, "b"), undefined);
  assert.equal(refusalFor({ kind: "failed", text: "Missing parameters" }, "a"), undefined);
});
