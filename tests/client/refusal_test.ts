/**
 * What the broker's failure lines mean to a sender.
 *
 * @module
 */
import assert from "node:assert/strict";
import { refusalFor } from "../../lib/client/refusal.ts";

Deno.test("a failure line's words tell what is tried again and what is reported", () => {
  for (
    const [text, code, retriable] of [
      ["Error: no exchange 'ciphermq'; declare it first", "unroutable", true],
      ["Error: no queue is bound to exchange 'x' with routing key 'k'", "unroutable", true],
      ["Error: Exchange x not found", "unroutable", true],
      ["Error: this message id was already used for another message", "conflict", false],
      ["Error: queue 'q' is full", "limit", false],
      ["Error: 'a' may not publish to 'x'", "access_denied", false],
      ["Invalid message format: tag is not base64", "invalid_message", false],
      ["Error: what nobody thought of", "protocol", false],
    ] as const
  ) {
    const refusal = refusalFor({ kind: "failed", text: `${text} for message m`, id: "m" });
    assert.equal(refusal?.error.code, code, text);
    assert.equal(refusal?.retriable, retriable, text);
    assert.ok(!refusal?.error.message.includes("for message"));
  }
});

Deno.test("in a batch a failure line is the refusal of the message it names only", () => {
  const reply = { kind: "failed", text: "Error: full for message a", id: "a" } as const;
  assert.notEqual(refusalFor(reply, "a"), undefined);
  assert.equal(refusalFor(reply, "b"), undefined);
  assert.equal(refusalFor({ kind: "failed", text: "Missing parameters" }, "a"), undefined);
});
