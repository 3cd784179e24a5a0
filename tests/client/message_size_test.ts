/**
 * The text that fits into a sealed message of a size, held against messages that are sealed.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../lib/base/clock.ts";
import { envelopeText } from "../../lib/base/envelope.ts";
import { ENVELOPE_BYTES, textBytesWithin } from "../../lib/client/message_size.ts";
import { EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";

Deno.test("a text that fits by this count fits whoever it is for, and the count is close", () => {
  const { publicKey } = generateKeyPair();
  const names = fc.integer({ min: 1, max: 64 }).map((length) => "r".repeat(length));
  fc.assert(fc.property(names, fc.integer({ min: 500, max: 9000 }), (receiver, limit) => {
    const sealer = new EnvelopeSealer({ receiver, publicKey, clock: systemClock });
    const sealed = envelopeText(sealer.seal("x".repeat(textBytesWithin(limit)))).length;
    assert(sealed <= limit, `${sealed} of ${limit}`);
    assert(sealed > limit - 130, `${sealed} of ${limit}`);
  }));
  assert.equal(textBytesWithin(ENVELOPE_BYTES), 0);
  assert.equal(textBytesWithin(1), 0);
});
