/**
 * What every certificate made here has in common: ECDSA on P-384 with SHA-384, unguessable serial
 * numbers, a start a few minutes back.
 *
 * @module
 */
import "reflect-metadata";
import { PemConverter } from "@peculiar/x509";

/** ECDSA on P-384 with SHA-384: with SHA-256 handshakes of some clients have failed. */
export const SIGNING = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } as const;

const DAY_MS = 24 * 60 * 60 * 1000;
/** How far clocks of two machines may differ before a fresh certificate is refused. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;
const SERIAL_BYTES = 16;

/** A fresh key pair whose private key can be written to a file. */
export function newKeyPair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(SIGNING, true, ["sign", "verify"]);
}

/** A private key as PKCS#8 in PEM form. */
export async function privateKeyPem(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", key);
  return PemConverter.encode(der, PemConverter.PrivateKeyTag) + "\n";
}

/** A random serial number of 128 bits as hexadecimal text, positive (RFC 5280, section 4.1.2.2). */
export function newSerialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  // The first bit is the sign; the second keeps the number's length from varying.
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toHex();
}

/** Where validity that begins `now` is made to begin, so that clocks may differ a little. */
export function earlier(now: Date): Date {
  return new Date(now.getTime() - CLOCK_SKEW_MS);
}

/** The moment `count` days after `now`. */
export function days(now: Date, count: number): Date {
  return new Date(now.getTime() + count * DAY_MS);
}
