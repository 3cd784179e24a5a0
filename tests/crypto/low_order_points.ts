/**
 * Public keys that give the all-zero secret with every private key: the points of small order of
 * Curve25519 and their other encodings, with and without the ignored top bit (RFC 7748, section 7).
 *
 * @module
 */
import { Buffer } from "node:buffer";

const BELOW_2_255 = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));

/** All of them. */
export const LOW_ORDER_POINTS: readonly Uint8Array[] = BELOW_2_255.flatMap((point) => {
  const withTopBit = point.slice();
  withTopBit[31]! |= 0x80;
  return [point, withTopBit];
});
