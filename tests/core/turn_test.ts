/**
 * What a turn says, and in which order.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import type { Effect } from "../../lib/core/effect.ts";
import { Message } from "../../lib/core/message.ts";
import { Peer } from "../../lib/core/peer.ts";
import { Stats } from "../../lib/core/stats.ts";
import { Turn } from "../../lib/core/turn.ts";
import { UnsentShare } from "../../lib/core/unsent_share.ts";

Deno.test("effects leave in the order in which they were wanted, a refusal with the id it is about", () => {
  const out: Effect[] = [];
  const now = { wallMs: 7, monoMs: 3 };
  const turn = new Turn(now, out, new Stats());
  const peer = new Peer(5, "bob", new UnsentShare(DEFAULT_LIMITS));
  const message = new Message({
    ...{ queue: "q", receiver: "bob", seq: 0, id: "1", publisher: "a", size: 1, checksum: 0 },
    ...{ exchange: "x", routingKey: "k", expiresMs: 0 },
  }, 0);
  turn.refuse(peer, "limit", "full", "1");
  turn.change({ kind: "removed", message });
  turn.deliver(peer, message, true);
  turn.refuse(peer, "not_found", "none");
  turn.answer(peer, { kind: "subscribed" });
  assert.equal(turn.now, now);
  assert.deepEqual(out, [
    {
      kind: "answer",
      connection: 5,
      answer: { kind: "refused", code: "limit", text: "full", id: "1" },
    },
    { kind: "change", change: { kind: "removed", message } },
    { kind: "deliver", connection: 5, message, fetched: true },
    { kind: "answer", connection: 5, answer: { kind: "refused", code: "not_found", text: "none" } },
    { kind: "answer", connection: 5, answer: { kind: "subscribed" } },
  ]);
});
