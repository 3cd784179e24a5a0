/**
 * The vault opens only what it sealed, for whom it sealed it.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyVault, type Sealed } from "../../lib/store/key_vault.ts";

const bytes = fc.uint8Array({ maxLength: 100 });
const vault = new KeyVault(new Uint8Array(32).fill(1));

Deno.test("a vault opens what it sealed, for its owner and under its key only", () => {
  const other = new KeyVault(new Uint8Array(32).fill(2));
  fc.assert(fc.property(fc.string(), bytes, (owner, plain) => {
    const sealed = vault.seal(owner, plain);
    assert.deepEqual(vault.open(owner, sealed), plain);
    assert.equal(vault.open(owner + "x", sealed), undefined);
    assert.equal(other.open(owner, sealed), undefined);
  }));
});

Deno.test("a vault opens nothing after any bit was flipped", () => {
  const plain = new Uint8Array(32).fill(3);
  const sealed = vault.seal("alice", plain);
  for (const field of ["ciphertext", "nonce", "tag"] as const) {
    for (let bit = 0; bit < sealed[field].byteLength * 8; bit++) {
      const flipped = Uint8Array.from(sealed[field]);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(vault.open("alice", { ...sealed, [field]: flipped } as Sealed), undefined);
    }
  }
});

Deno.test("a vault seals the same under a new nonce each time", () => {
  const nonces = Array.from({ length: 100 }, () => vault.seal("a", new Uint8Array(1)).nonce.join());
  assert.equal(new Set(nonces).size, 100);
});

Deno.test("a vault takes keys of 32 bytes only, and keeps its own copy", () => {
  for (const size of [0, 16, 31, 33]) assert.throws(() => new KeyVault(new Uint8Array(size)), /32/);
  const key = new Uint8Array(32).fill(1);
  const own = new KeyVault(key);
  key.fill(9);
  assert.notEqual(own.open("a", vault.seal("a", new Uint8Array(4))), undefined);
});
