/**
 * The id table against a Map, its memory, and ids that somebody chose to be slow.
 *
 * @module
 */
import { createHash } from "node:crypto";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  drawSpreadKey,
  type IdBits,
  IdTable,
  type SpreadKey,
  writeIdBits,
} from "../../lib/core/id_table.ts";
import { seededRandom } from "../support/core_driver.ts";

const key = drawSpreadKey(seededRandom(5));

function bitsOf(id: string): IdBits {
  const bits = new Int32Array(4);
  writeIdBits(id, bits);
  return bits;
}

Deno.test("the table keeps what a Map would, for ids of all kinds and several owners", () => {
  const id = fc.oneof(
    fc.uuid(),
    fc.nat(40).map((n) => `id-${n}`),
    fc.nat(40).map((n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`),
    fc.nat(40).map((n) => `${n.toString(16).padStart(8, "f")}-0000-4000-8000-000000000000`),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 50 }),
  );
  const entry = fc.tuple(fc.integer({ min: 1, max: 3 }), id, fc.integer());
  fc.assert(
    fc.property(fc.array(entry, { minLength: 100, maxLength: 400 }), (entries) => {
      const table = new IdTable(key);
      const model = new Map<string, number>();
      for (const [owner, id, value] of entries) {
        assert.equal(table.get(owner, bitsOf(id)), model.get(`${owner} ${id}`));
        table.set(owner, bitsOf(id), value);
        model.set(`${owner} ${id}`, value);
      }
      assert.equal(table.size, model.size);
      for (const [owner, id] of entries) {
        assert.equal(table.get(owner, bitsOf(id)), model.get(`${owner} ${id}`));
        assert.equal(table.get(4, bitsOf(id)), undefined);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("one id under many owners is many entries", () => {
  const table = new IdTable(key);
  const bits = bitsOf("the same");
  for (let owner = 1; owner <= 5000; owner++) table.set(owner, bits, -owner);
  for (let owner = 1; owner <= 5000; owner++) assert.equal(table.get(owner, bits), -owner);
});

/** The UUID, of any variant, that is written like the digest of `id` begins. */
function uuidOfDigest(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

Deno.test("no id has the bits of another: not in another case, not as the digest of another", () => {
  const ids = new Set<string>();
  for (let n = 0; n < 50; n++) {
    const uuid = uuidOfDigest(`order-${n}`);
    for (const id of [`order-${n}`, uuid, uuid.replaceAll("-", ""), `${uuid}0`]) ids.add(id);
    ids.add(uuid.toUpperCase());
    // A publisher may choose the bits that a UUID's variant leaves it no choice of.
    for (const variant of "0123456789abcdef") ids.add(uuid.slice(0, 19) + variant + uuid.slice(20));
  }
  for (let length = 1; length <= 20; length++) {
    for (const character of "az") ids.add(character.repeat(length));
    ids.add("a".repeat(length - 1) + "z").add("z" + "a".repeat(length - 1));
    ids.add("a".repeat(length - 1) + "é").add("\0".repeat(length)).add("a" + "\0".repeat(length));
  }
  assert.equal(new Set([...ids].map((id) => bitsOf(id).join())).size, ids.size);
});

Deno.test("bits tell whether they are a UUID, the characters of a short id, or a digest", () => {
  const kindOf = (id: string) => bitsOf(id)[2]! >>> 30;
  for (let n = 0; n < 50; n++) {
    assert.equal(kindOf(`order-${n}`), 1);
    assert.equal(kindOf(`order-number-${n}-of-many`), 0);
    assert(kindOf(crypto.randomUUID()) >= 2);
  }
});

Deno.test("an id takes at most 48 bytes at every size, beyond a few for the empty table", () => {
  const table = new IdTable(key);
  const random = seededRandom(9);
  const bits = new Int32Array(4);
  const base = 256 * 8 * 24;
  for (let n = 1; n <= 300_000; n++) {
    for (let i = 0; i < 4; i++) bits[i] = random.uint32();
    table.set(1, bits, n);
    if (n % 100 !== 0) continue;
    assert(table.bytes <= base + 48 * n, `${table.bytes} bytes for ${n} ids`);
  }
  assert.equal(table.size, 300_000);
});

/** Nanoseconds to find one of `count` ids, in a table that holds them all. */
function lookUpTime(count: number, write: (bits: IdBits, n: number) => void): number {
  const table = new IdTable(key);
  const bits = new Int32Array(4);
  for (let n = 0; n < count; n++) {
    write(bits, n);
    table.set(1, bits, n);
  }
  const since = performance.now();
  for (let n = 0; n < count; n++) {
    write(bits, n);
    assert.equal(table.get(1, bits), n);
  }
  return (performance.now() - since) / count * 1e6;
}

Deno.test("ids that share three of four words are found about as fast as random ones", () => {
  const count = 50_000;
  const random = seededRandom(3);
  const words = Int32Array.from({ length: 4 * count }, () => random.uint32());
  const write = (bits: IdBits, n: number) => bits.set(words.subarray(4 * n, 4 * n + 4));
  lookUpTime(count, write);
  const usual = lookUpTime(count, write);
  for (let word = 0; word < 4; word++) {
    for (const shift of [0, 8, 16]) {
      const time = lookUpTime(count, (bits, n) => {
        bits.fill(0x1234567);
        bits[word] = n << shift;
      });
      assert(time < 20 * usual + 1000, `word ${word}, shift ${shift}: ${time} ns, not ${usual} ns`);
    }
  }
});

/** The bytes of a table with 256 ids: the fewer, the fewer of its shards they are spread over. */
function bytesOf(key: SpreadKey, write: (bits: IdBits, n: number) => void): number {
  const table = new IdTable(key);
  const bits = new Int32Array(4).fill(3);
  for (let n = 0; n < 256; n++) {
    write(bits, n);
    table.set(1, bits, n);
  }
  assert.equal(table.size, 256);
  return table.bytes;
}

Deno.test("no ids can be chosen that pile up under every key", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 20; round++) {
    const key = drawSpreadKey(random);
    const usual = bytesOf(key, (bits) => {
      for (let i = 0; i < 4; i++) bits[i] = random.uint32();
    });
    for (let word = 0; word < 3; word++) {
      const chosen = bytesOf(key, (bits, n) => {
        // A multiplication by an odd number hands first bits on as first bits; what a shift by 15
        // makes of them in the next word is known without the key.
        const first = (n >>> 4) << 28;
        bits[word] = (n & 15) << 28;
        bits[word + 1] = first ^ (first >>> 15);
      });
      assert(chosen > usual * 0.6, `word ${word}: ${chosen} bytes, not ${usual}`);
    }
  }
});
