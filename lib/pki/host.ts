/**
 * Tells IP addresses from DNS names, as a certificate's subject alternative names must
 * (RFC 5280, section 4.2.1.6).
 *
 * @module
 */
import { isIP } from "node:net";
import { CipherMqError } from "../base/errors.ts";

/** One subject alternative name. */
export interface Host {
  /** Which form it has. */
  readonly type: "ip" | "dns";
  /** The address or name itself. */
  readonly value: string;
}

const MAX_DNS_NAME = 253;
/** Letters, digits and hyphens (RFC 1123, section 2.1), and `*` as the first label (RFC 6125). */
const DNS_NAME =
  /^(?:\*\.)?(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const ONLY_DIGITS_LAST = /(?:^|\.)[0-9]+$/;

/**
 * Recognises an IP address or a DNS name.
 *
 * @throws {CipherMqError} `usage` when `text` is neither.
 */
export function toHost(text: string): Host {
  if (isIP(text) !== 0) return { type: "ip", value: text };
  // A name that ends in a number is a mistyped address, as in URLs.
  if (text.length > MAX_DNS_NAME || !DNS_NAME.test(text) || ONLY_DIGITS_LAST.test(text)) {
    throw new CipherMqError(
      "usage",
      `cannot put host ${
        JSON.stringify(text)
      } into a certificate: it is neither a DNS name nor an ` +
        "IP address",
      { hint: "give it without port, path or brackets, as in --host broker.example.org" },
    );
  }
  return { type: "dns", value: text.toLowerCase() };
}
