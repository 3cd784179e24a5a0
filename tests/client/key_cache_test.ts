/**
 * Which keys a sender asks for, and when it stops.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Random } from "../../lib/base/random.ts";
import { KeyCache } from "../../lib/client/key_cache.ts";

const halfway: Random = { uint32: () => 2 ** 31 };
const key = new Uint8Array(32).fill(1);

Deno.test("a wanted key is asked for once, and used until it is old", () => {
  const cache = new KeyCache(halfway, { maxAgeMs: 1_000 });
  assert.deepEqual(cache.due(0), []);
  cache.want("r", 0);
  assert.equal(cache.wakeInMs(0), 0);
  assert.deepEqual(cache.due(0), ["r"]);
  assert.deepEqual(cache.due(0), []);
  assert.deepEqual(cache.answer("r", { kind: "public_key", key }, 5), {
    kind: "key",
    receiver: "r",
    key,
  });
  assert.equal(cache.wakeInMs(5), 1_000);
  assert.deepEqual(cache.due(1_005), ["r"]);
  assert.equal(cache.answer("r", { kind: "public_key", key: key.slice() }, 1_006), undefined);
});

Deno.test("a changed key is news; one that is gone or refused is not given up while there is an old one", () => {
  const cache = new KeyCache(halfway);
  cache.want("r", 0);
  cache.answer("r", { kind: "public_key", key }, 0);
  cache.lost();
  assert.deepEqual(cache.due(1), ["r"]);
  assert.equal(cache.answer("r", { kind: "no_key" }, 1), undefined);
  cache.lost();
  assert.equal(cache.answer("r", { kind: "failed", text: "Error: x" }, 1), undefined);
  const other = new Uint8Array(32).fill(2);
  assert.equal(cache.answer("r", { kind: "public_key", key: other }, 2)?.kind, "key");
});

Deno.test("a missing key is asked for again until the wait is over, and a new wish waits anew", () => {
  const cache = new KeyCache(halfway, { waitMs: 100, retry: { firstMs: 40, maxMs: 40 } });
  const ask = (nowMs: number) => {
    assert.deepEqual(cache.due(nowMs), ["r"]);
    return cache.answer("r", { kind: "no_key" }, nowMs)?.kind;
  };
  cache.want("r", 0);
  assert.equal(ask(0), "waiting");
  assert.deepEqual(cache.due(19), []);
  assert.equal(ask(20), undefined);
  assert.equal(ask(90), undefined);
  assert.equal(cache.wakeInMs(90), 10);
  assert.equal(ask(100), "failed");
  assert.equal(cache.wakeInMs(100), undefined);
  cache.want("r", 200);
  assert.equal(ask(200), "waiting");
});

Deno.test("a question that a lost connection took with it is asked again", () => {
  const cache = new KeyCache(halfway);
  cache.want("r", 0);
  cache.due(0);
  cache.lost();
  assert.deepEqual(cache.due(0), ["r"]);
  assert.throws(() => cache.answer("r", { kind: "heartbeat_ok" }, 0), /get_key/);
});
