/**
 * Tests of the memory for session keys.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  DEFAULT_REMEMBERED_SESSIONS,
  SessionKeyCache,
} from "../../lib/crypto/session_key_cache.ts";

const KEY = new Uint8Array(32);

/** Which of some sealed keys are remembered. */
function remembered(cache: SessionKeyCache, ...sealedKeys: string[]): string[] {
  return sealedKeys.filter((sealedKey) => cache.get(sealedKey) !== undefined);
}

Deno.test("a session key is remembered under its own sealed box only", () => {
  const cache = new SessionKeyCache();
  cache.remember("a", KEY);
  assert.equal(cache.get("a"), KEY);
  assert.equal(cache.get("b"), undefined);
});

Deno.test("the session key that was not used for longest is forgotten first", () => {
  const cache = new SessionKeyCache(2);
  cache.remember("a", KEY);
  cache.remember("b", KEY);
  cache.remember("a", KEY);
  cache.remember("c", KEY);
  assert.deepEqual(remembered(cache, "a", "b", "c"), ["a", "c"]);
  cache.remember("d", KEY);
  assert.deepEqual(remembered(cache, "a", "b", "c", "d"), ["c", "d"]);
});

Deno.test("256 session keys are remembered when nothing else is said, and not one more", () => {
  assert.equal(DEFAULT_REMEMBERED_SESSIONS, 256);
  const cache = new SessionKeyCache();
  const sealedKeys = Array.from({ length: 257 }, (_, i) => `${i}`);
  for (const sealedKey of sealedKeys) cache.remember(sealedKey, KEY);
  assert.deepEqual(remembered(cache, ...sealedKeys), sealedKeys.slice(1));
});
