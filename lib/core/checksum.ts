/**
 * Tells a resent body from another one.
 *
 * @module
 */

/**
 * MurmurHash3 (x86, 32 bit, seed 0) of `bytes`, as a signed 32-bit number. Not cryptographic, and
 * need not be: it is only compared between messages of one publisher under one id, so who makes two
 * bodies collide deceives nobody but itself.
 */
export function checksumOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.length >> 2;
  let hash = 0;
  for (let i = 0; i < words; i++) {
    hash ^= scramble(view.getInt32(i * 4, true));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64 | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= words * 4; i--) tail = (tail << 8) | bytes[i]!;
  hash ^= scramble(tail) ^ bytes.length;
  return finish(hash);
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
